"""`stamped-sync up`."""

from __future__ import annotations

import click

from worker.local.ports import is_free

MOST_WORKERS = 256


class NoRedis(click.ClickException):
    """There is no Redis, and an embedded Valkey can't run on this machine."""

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
@click.option(
    "--listen-port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    metavar="PORT",
    help="The front door's port, on the loopback address; see `stamped-sync listen`.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    metavar="N",
    help="How many worker processes; each has STAMPED_SYNC_CONCURRENCY threads.  [default: one for each core]",
)
def command(flower_port: int, listen_port: int, workers: int | None) -> None:
    """Run everything on this machine: workers, beat, Flower and, if there is no Redis, Valkey.

    It checks the configuration first. If STAMPED_SYNC_REDIS_URL names this machine and nothing listens there, it starts
    an embedded Valkey, which keeps its data in the folder STAMPED_SYNC_DATA (./stamped-sync-data). Whatever dies is
    started again. All logs go to standard error. Ctrl-C or SIGTERM ends everything in order: the workers finish their
    running jobs, and Valkey ends last. A second Ctrl-C does not wait for that.

    Flower asks for a login. The user is STAMPED_SYNC_FLOWER_USER (operator), the password is
    STAMPED_SYNC_FLOWER_PASSWORD; without one, `up` makes a password and keeps it in the file flower-password of the
    data folder. If STAMPED_SYNC_LISTEN_TOKENS or its file is set, it also takes triggers by HTTP.

    \b
    Examples:
      stamped-sync up
      stamped-sync up --flower-port 8080

    Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 wrong usage or configuration, or no Redis.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    from worker.config.settings import load_settings  # noqa: PLC0415 - not needed to show the help
    from worker.local.machine import run_everything  # noqa: PLC0415
    from worker.local.valkey import ValkeyFailed  # noqa: PLC0415

    settings = load_settings()
    takes_triggers = bool(settings.listen_tokens or settings.listen_tokens_file)
    ports = {"--flower-port": flower_port} | ({"--listen-port": listen_port} if takes_triggers else {})
    for option, port in ports.items():
        if not is_free(port):
            raise click.BadParameter(f"port {port} is taken; choose another", param_hint=option)
    try:
        run_everything(settings, flower_port, workers, listen_port if takes_triggers else None)
    except ValkeyFailed as error:
        raise NoRedis(f"{error}\nStart a Redis, and set STAMPED_SYNC_REDIS_URL to its address.") from None
