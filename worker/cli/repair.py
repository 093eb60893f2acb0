"""`stamped-sync repair`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.options import json_option
from worker.config.settings import load_settings
from worker.connections import load_connections
from worker.handover import open_ledger
from worker.presentation.screen import Screen
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from worker.ledger.repairing import Found

MEANING: Final = {
    "unplaced": ("jobs missing from the list of their state: nobody would run them or see them", "put back"),
    "places": ("places in lists without their job: its record is gone, or says another state", "taken out"),
    "slots": ("places and slots of connections that no job holds: fewer of their jobs could run", "given back"),
}
"""What each number counts, and what was done about it."""


@click.command()
@click.option("--yes", "acts", is_flag=True, help="Mend what is found; without it, nothing is changed.")
@json_option
def command(*, acts: bool, as_json: bool) -> int:
    """Compare the ledger's records, lists and slots, and repair inconsistencies.

    The workers mend whatever they come across. This command looks at everything: run it after Redis has lost keys,
    because it was full and evicted them, because somebody deleted them, or because it came back from an old copy.
    Without --yes it only shows what it finds. Workers may run meanwhile.

    A job whose record is gone can't be brought back: transfer its customer again, for instance with
    `initialize --unlinked`.

    \b
    Examples:
      stamped-sync repair
      stamped-sync repair --yes

    Exit codes: 0 everything fits together, or was mended; 1 something does not; 2 Redis does not answer, or wrong usage
    or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen, settings = Screen(as_json=as_json), load_settings()
    ledger = open_ledger(settings, load_connections(settings.connections))
    with screen.busy("Looking at the ledger"):
        found = ledger.repair(acts=acts)
    if as_json:
        screen.json(asdict(found) | {"mended": acts})
    else:
        _show(screen, found, acts=acts)
    return FAILED if found.faults and not acts else ALL_WELL


def _show(screen: Screen, found: Found, *, acts: bool) -> None:
    looked_at = counted(found.rows, "job")
    if not found.faults:
        screen.mark(f"{looked_at} looked at: everything fits together", is_good=True)
        return
    screen.line(f"{looked_at} looked at:")
    for name, (meaning, mended) in MEANING.items():
        if count := getattr(found, name):
            screen.mark(f"{count:,} {meaning}{f'; {mended}' if acts else ''}", is_good=acts)
    if not acts:
        screen.line("Nothing was changed: `stamped-sync repair --yes` mends it.")
