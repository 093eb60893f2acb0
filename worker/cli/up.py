"""`stamped-sync up`."""

from __future__ import annotations

import click

from worker.local.ports import is_free


class NoRedis(click.ClickException):
    """There is no Redis, and none can be embedded on this machine."""

    exit_code = 2


@click.command()
@click.option(
    "--flower-port",
    type=click.IntRange(1, 65535),
    default=5555,
    show_default=True,
    metavar="PORT",
    help="Flower's port, on the loopback address.",
)
def command(flower_port: int) -> None:
    """Run everything on this machine: worker, beat, Flower and, if there is no Redis, Valkey.

    The configuration is checked first. If nothing listens at STAMPED_SYNC_REDIS_URL and that is on this machine, an
    embedded Valkey is started there, which keeps its data in the folder STAMPED_SYNC_DATA (./stamped-sync-data). A
    process that dies is started again. All logs go to standard error. Ctrl-C or SIGTERM ends everything in order: the
    worker finishes its running jobs, and Valkey ends last; a second Ctrl-C does not wait.

    Flower asks for a login: the user STAMPED_SYNC_FLOWER_USER (operator) and the password STAMPED_SYNC_FLOWER_PASSWORD.
    If that is not set, a password is made up and kept in the file flower-password of the data folder.

    \b
    Examples:
      stamped-sync up
      stamped-sync up --flower-port 8080

    Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 wrong usage or configuration, or no Redis.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    if not is_free(flower_port):
        raise click.BadParameter(f"port {flower_port} is taken; choose another", param_hint="--flower-port")

    from worker.local.machine import run_everything  # noqa: PLC0415 - not needed to show the help
    from worker.local.valkey import ValkeyFailed  # noqa: PLC0415

    try:
        run_everything(flower_port)
    except ValkeyFailed as error:
        raise NoRedis(f"{error}\nStart a Redis, and set STAMPED_SYNC_REDIS_URL to its address.") from None
