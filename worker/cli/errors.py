"""`stamped-sync errors`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from worker.cli.ending import ALL_WELL
from worker.cli.options import CODE, json_option
from worker.jobs.catalogue import CATALOGUE
from worker.jobs.errors import KINDS
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from worker.jobs.catalogue import Entry


@click.command()
@click.argument("code", required=False, type=CODE, metavar="[CODE]")
@json_option
def command(code: str | None, *, as_json: bool) -> int:
    """Show the error catalogue, or one entry: what it means, its cause, and what to do.

    \b
    Examples:
      stamped-sync errors
      stamped-sync errors email-missing

    Exit codes: 0 all well, 2 there is no such code.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen()
    entries = [CATALOGUE[code]] if code else list(CATALOGUE.values())
    if as_json:
        for entry in entries:
            screen.json(asdict(entry) | {"retried": KINDS[entry.code].retried})
    elif code:
        _show(screen, entries[0])
    else:
        rows = [(each.code, each.title, KINDS[each.code].retried.sentence) for each in entries]
        screen.table(["Code", "Title", "Retried"], rows)
        screen.line()
        screen.line("`stamped-sync errors CODE` shows the cause and what to do.")
    return ALL_WELL


def _show(screen: Screen, entry: Entry) -> None:
    screen.heading(f"{entry.title} ({entry.code})")
    screen.prose(entry.message)
    screen.entry(entry)
    screen.prose(f"Retried: {KINDS[entry.code].retried.sentence}")
