"""`stamped-sync errors`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from worker.cli.ending import ALL_WELL
from worker.cli.options import CODE, json_option
from worker.jobs.catalogue import CATALOGUE, Retried
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from worker.jobs.catalogue import Entry

RETRIED: Final = {
    Retried.ALWAYS: "yes",
    Retried.BY_ANSWER: "unless it is this customer that is refused",
    Retried.SOON: "for some minutes",
    Retried.HELD: "while its connection is held",
    Retried.NEVER: "no",
}


@click.command()
@click.argument("code", required=False, type=CODE, metavar="[CODE]")
@json_option
@click.option("--markdown", is_flag=True, help="Print the table of docs/reference/errors.md.")
def command(code: str | None, *, as_json: bool, markdown: bool) -> int:
    """Show the error catalogue, or one entry: what it means, its cause, and what to do.

    \b
    Examples:
      stamped-sync errors
      stamped-sync errors email-missing

    Exit codes: 0 all well, 2 there is no such code.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    if as_json and markdown:
        raise click.UsageError("--json and --markdown are two forms of the same: choose one.")
    screen = Screen()
    entries = [CATALOGUE[code]] if code else list(CATALOGUE.values())
    if as_json:
        for entry in entries:
            screen.json(asdict(entry))
    elif markdown:
        click.echo(_markdown(entries))
    elif code:
        _show(screen, entries[0])
    else:
        screen.table(["Code", "Title", "Retried"], [(each.code, each.title, RETRIED[each.retried]) for each in entries])
        screen.line()
        screen.line("`stamped-sync errors CODE` shows the cause and what to do.")
    return ALL_WELL


def _show(screen: Screen, entry: Entry) -> None:
    screen.heading(f"{entry.title} ({entry.code})")
    screen.prose(entry.message)
    screen.entry(entry)
    screen.prose(f"Retried: {RETRIED[entry.retried]}")


def _markdown(entries: list[Entry]) -> str:
    rows = [
        f"| `{each.code}` | {each.title} | {each.cause} | {each.resolution} | {RETRIED[each.retried]} |"
        for each in entries
    ]
    return "\n".join(["| code | title | cause | what to do | retried |", "| --- | --- | --- | --- | --- |", *rows])
