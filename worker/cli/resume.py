"""`stamped-sync resume`."""

from __future__ import annotations

import click

from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.pause import ledger_that_knows
from worker.cli.person import person
from worker.jobs.asking import Asker, Source
from worker.presentation.screen import Screen


@click.command()
@click.argument("system", type=int, metavar="SYSTEM")
def command(system: int) -> int:
    """Let the jobs of a paused connection go on, in their order.

    SYSTEM is the connection's system id.

    \b
    Example:
      stamped-sync resume 4021

    Exit codes: 0 resumed, 1 the connection is not paused, 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen, ledger = Screen(), ledger_that_knows(system)
    if not ledger.resume(system, Asker(Source.PERSON, person())):
        screen.error(f"Connection {system} is not paused.")
        return FAILED
    screen.line(f"Connection {system} is resumed.")
    return ALL_WELL
