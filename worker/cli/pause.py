"""`stamped-sync pause` and, with it, `resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.person import person
from worker.config.settings import load_settings
from worker.connections import load_connections
from worker.handover import open_ledger
from worker.jobs.asking import Asker, Source
from worker.jobs.errors import ConnectionUnknown
from worker.presentation.screen import Screen
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from worker.ledger import Ledger

LONGEST_REASON: Final = 200


@click.command()
@click.argument("system", type=int, metavar="SYSTEM")
@click.option("--reason", default="", metavar="TEXT", help="Why: the Connections page and `activity` show it.")
def command(system: int, reason: str) -> int:
    """Let the jobs of a connection wait until somebody resumes it.

    SYSTEM is the connection's system id. Triggers are still taken and nothing is lost; jobs that run at this moment go
    on to their end.

    \b
    Examples:
      stamped-sync pause 4021
      stamped-sync pause 4021 --reason "the store moves to another theme"

    Exit codes: 0 paused, 1 the connection is paused already, 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    if len(reason) > LONGEST_REASON:
        raise click.UsageError(f"The reason has more than {LONGEST_REASON} characters.")
    screen, ledger = Screen(), ledger_that_knows(system)
    if not ledger.pause(system, Asker(Source.PERSON, person()), masked(reason)):
        screen.error(f"Connection {system} is paused already; `stamped-sync resume {system}` lets its jobs go on.")
        return FAILED
    screen.line(f"Connection {system} is paused; `stamped-sync resume {system}` lets its jobs go on.")
    return ALL_WELL


def ledger_that_knows(system: int) -> Ledger:
    """The ledger. Raises ConnectionUnknown if neither it nor the connections file knows this connection."""
    settings = load_settings()
    connections = load_connections(settings.connections)
    ledger = open_ledger(settings, connections)
    if not connections.get(system) and system not in ledger.systems():
        raise ConnectionUnknown(f"{system}; configured: {connections}")
    return ledger
