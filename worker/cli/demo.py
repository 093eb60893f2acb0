"""`stamped-sync demo`."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--keep", is_flag=True, help="Leave everything running at the end, so that you can look around, until Ctrl-C."
)
@click.option(
    "--customers",
    type=click.IntRange(20, 100_000),
    default=500,
    show_default=True,
    metavar="N",
    help="How many sample customers to load.",
)
@click.option(
    "--flower-port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="Flower's port; any free one by default.",
)
@click.pass_context
def command(context: click.Context, *, keep: bool, customers: int, flower_port: int) -> None:
    """Run everything once, on embedded parts and sample customers.

    Starts Valkey, a sandbox of both APIs, a real worker, beat and Flower in a temporary folder; sends a trigger for
    every sample customer, and a few that must be refused; changes some customers and sends triggers for those; shows
    what was created, updated, left alone and refused; and compares that with the sandbox's data. It needs no
    credentials, touches no configuration of yours, and leaves nothing behind.

    \b
    Examples:
      stamped-sync demo                  everything, in well under a minute
      stamped-sync demo --keep           then look around: Flower, status, sync ...

    Exit codes: 0 all as it should be, 1 something failed or does not agree, 130 or 143 stopped by Ctrl-C or SIGTERM.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    from worker.demo.play import play  # noqa: PLC0415 - `stamped-sync --help` must not wait for Celery

    context.exit(play(customers, flower_port, keep=keep))
