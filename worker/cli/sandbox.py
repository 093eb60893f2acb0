"""`stamped-sync sandbox`."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8099,
    show_default=True,
    metavar="PORT",
    help="0 is any free port.",
)
@click.option(
    "--customers",
    type=click.IntRange(1, 100_000),
    default=500,
    show_default=True,
    metavar="N",
    help="How many sample customers iPaaS.com holds.",
)
@click.option(
    "--system",
    "systems",
    type=click.IntRange(1, 2**53),
    multiple=True,
    metavar="N",
    help="The system id of a subscription; give it several times for several connections.",
)
def command(port: int, customers: int, systems: tuple[int, ...]) -> None:
    """Serve a sandbox of both APIs, to try everything without credentials, until Ctrl-C.

    It holds sample customers in iPaaS.com and an empty Stamped.io store, only in memory, and prints a connections file
    for them on standard output. Under /sandbox/ it shows its state and can be told which calls should fail.

    \b
    Example, in an empty folder and three terminals:
      stamped-sync sandbox | tee connections.toml
      stamped-sync up
      stamped-sync sync 150713 --wait

    Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 the port can't be used.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    # Not needed to show the help.
    from worker.demo.files import connections_text  # noqa: PLC0415
    from worker.sandbox.customers import SYSTEM_ID, sample_customers  # noqa: PLC0415
    from worker.sandbox.server import Sandbox, serve_forever  # noqa: PLC0415

    sandbox = Sandbox(sample_customers(customers), systems=dict.fromkeys(systems or (SYSTEM_ID,)))

    def ready(url: str) -> None:
        click.echo(connections_text(sandbox, url))
        click.echo(f"The sandbox is at {url}, and its state at {url}/sandbox/state. Ctrl-C ends it.", err=True)

    try:
        serve_forever(sandbox, port, ready)
    except OSError as error:
        raise click.BadParameter(f"port {port} can't be used: {error.strerror}", param_hint="--port") from None
