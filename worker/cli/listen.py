"""`stamped-sync listen`."""

from __future__ import annotations

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where it listens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, metavar="PORT", help="0 is any free port."
)
def command(host: str, port: int) -> None:
    """Take iPaaS.com's triggers by HTTP, from any language, until Ctrl-C or SIGTERM.

    POST /triggers takes a trigger as it is. It is answered with 202 and a verdict for each notification once the ledger
    holds all that were accepted; sending it twice does no harm. A sender needs a token, in the header Authorization:
    Bearer TOKEN. The tokens are in STAMPED_SYNC_LISTEN_TOKENS, as name:token, or one a line in the file that
    STAMPED_SYNC_LISTEN_TOKENS_FILE names. GET /openapi.json describes everything, /healthz says that the process lives,
    and /readyz whether it would take a trigger now; /metrics is for Prometheus. Run as many as you like.

    It speaks HTTP without TLS: put a proxy in front of it that has a certificate.

    \b
    Examples:
      STAMPED_SYNC_LISTEN_TOKENS=listener:$TOKEN stamped-sync listen
      stamped-sync listen --host 0.0.0.0 --port 8080

    Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 wrong usage or configuration, or the port can't be used.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    from worker.listen.server import Home, address, listening, run  # noqa: PLC0415 - not needed to show the help

    home = Home()
    _ = home.settings
    try:
        sockets = listening(host, port)
    except (OSError, UnicodeError) as error:
        problem = f"{host}, port {port} can't be used: {getattr(error, 'strerror', None) or 'that is no address'}"
        raise click.BadParameter(problem, param_hint="--host or --port") from None

    def ready() -> None:
        click.echo(f"Triggers are taken at {address(sockets)}/triggers. Ctrl-C ends it.", err=True)

    run(sockets, home, ready)
