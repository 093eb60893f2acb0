"""`stamped-sync activity`: what happened, by time and by what it is about."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import click

from worker.cli.ending import ALL_WELL
from worker.cli.ids import one_id
from worker.cli.options import code_option, json_option, only_system_option
from worker.config.settings import load_settings
from worker.handover import open_ledger
from worker.jobs.asking import Source
from worker.jobs.job import pages
from worker.ledger.memory.event import EventFilter
from worker.presentation.events import OUTCOMES, event_as_json, in_words, table
from worker.presentation.screen import Screen
from worker.presentation.times import clock, zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.ledger.memory.event import Event

AT_ONCE: Final = 500
LIST_LENGTH: Final = 50
LONGEST_LIST: Final = 100_000_000
AGO: Final = re.compile(r"([0-9]{1,6})\s*(s|min|h|d)")
UNITS: Final = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
COLUMNS: Final = ("Customer", "Outcome", "Source", "Took")


class _Moment(click.ParamType[datetime]):
    """A time of this machine, or how long ago: 2026-01-31T08:30, 90min, 2h, 1d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            if found := AGO.fullmatch(value.strip()):
                return datetime.now(UTC) - timedelta(**{UNITS[found[2]]: int(found[1])})
            return datetime.fromisoformat(value.strip()).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            self.fail(f"{value} is not a time. Write 2026-01-31T08:30, or how long ago: 90min, 2h or 1d.", param, ctx)


MOMENT: Final = _Moment()


@click.command()
@click.option("--since", type=MOMENT, metavar="TIME", help="From then on: 2026-01-31T08:30, or 90min, 2h, 1d ago.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Up to then.")
@click.option("--customer", type=one_id, metavar="ID", help="Only this iPaaS.com customer.")
@only_system_option
@click.option(
    "--source",
    type=click.Choice([each.value for each in Source if each]),
    metavar="SOURCE",
    help=f"Only what this asked for: {', '.join(each for each in Source if each)}.",
)
@click.option(
    "--outcome",
    type=click.Choice(list(OUTCOMES)),
    metavar="OUTCOME",
    help="Only this outcome: created, updated, failed, discarded, paused, and so on.",
)
@code_option
@click.option("--tracking", default="", metavar="ID", help="Only this tracking id.")
@click.option("--stamped", default="", metavar="ID", help="Only this Stamped.io customer.")
@click.option(
    "--limit",
    type=click.IntRange(1, LONGEST_LIST),
    metavar="N",
    help=f"How many to show at most, the newest; {LIST_LENGTH} if it is not a program that reads them.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a table for a spreadsheet.")
@json_option
def command(*, limit: int | None, as_csv: bool, as_json: bool, **wanted: Any) -> int:
    """Show what happened: every attempt that ended, and every change by a person, the newest first.

    \b
    Examples:
      stamped-sync activity --since 1h
      stamped-sync activity --customer 150713
      stamped-sync activity --since 1d --outcome failed --system 4021 --csv > failed.csv

    Exit codes: 0 all well, 2 Redis does not answer, or wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    if as_csv and as_json:
        raise click.UsageError("Choose one of --csv and --json.")
    if wanted["since"] and wanted["until"] and wanted["until"] < wanted["since"]:
        raise click.UsageError("--until is earlier than --since, so nothing can have happened between them.")
    screen, ledger = Screen(), open_ledger(load_settings())
    meant = EventFilter(
        since=wanted["since"],
        until=wanted["until"],
        system_id=wanted["system"],
        customer_id=wanted["customer"] or "",
        tracking_guid=wanted["tracking"],
        stamped_id=wanted["stamped"],
        code=wanted["code"] or "",
        outcome=wanted["outcome"] or "",
        source=Source(wanted["source"]) if wanted["source"] else None,
    )
    for_people = not (as_csv or as_json)
    most = limit or (LIST_LENGTH if for_people else LONGEST_LIST)
    events = islice(chain.from_iterable(ledger.events.pages(meant, min(most, AT_ONCE))), most)
    if for_people:
        show(screen, list(events), most)
    elif as_csv:
        screen.file(table([], with_header=True))
        for page in pages(events):
            screen.file(table(page))
    else:
        for event in events:
            screen.json(event_as_json(event))
    return ALL_WELL


def show(screen: Screen, events: Sequence[Event], most: int) -> None:
    """A table for people."""
    if not events:
        screen.line("No event fits, or it is no longer remembered.")
        return
    when = f"When ({zone(each.ended_at for each in events)})"
    screen.table([when, *COLUMNS], list(map(_row, events)), numbers=COLUMNS[-1:])
    if len(events) == most:
        screen.line()
        screen.line(f"The newest {most:,} are shown; --limit shows more.")


def _row(event: Event) -> tuple[str, ...]:
    took = f"{event.ms / 1000:.3f} s" if event.ms else ""
    return clock(event.ended_at), _about(event), in_words(event), event.asker.words, took


def _about(event: Event) -> str:
    if event.job:
        return f"{event.kind} {event.system_id}/{event.customer_id}"
    return "" if event.system_id is None else f"connection {event.system_id}"
