"""`stamped-sync status`."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import click

from worker.cli import catch_up, holds
from worker.cli.exit_codes import ALL_WELL
from worker.cli.explaining import redis_silent
from worker.cli.options import json_option
from worker.cli.throttle import COLUMNS, lines
from worker.config.settings import load_settings
from worker.connections import load_connections
from worker.jobs.job import Kind, State
from worker.ledger import LedgerUnavailable
from worker.presentation.figures import VANISHED_ADVICE, refusals_in_words, vanished_in_words
from worker.presentation.screen import Screen
from worker.presentation.times import lasting, local
from worker.runtime import open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.config.settings import Settings
    from worker.connections import Connections
    from worker.ledger import Ledger
    from worker.ledger.figures import Figures

WATCH_SECONDS = 2
SHOWN_SETTINGS = {
    "done_days",
    "failed_days",
    "fast_retries",
    "slow_retry_minutes",
    "hold_first_seconds",
    "hold_longest_seconds",
    "hold_after_errors",
    "lease_seconds",
    "sweep_seconds",
    "lost_after_seconds",
    "subscription_retry_minutes",
    "subscription_retry_days",
    "catch_up_hours",
}


@click.command()
@json_option
@click.option("--watch", is_flag=True, help="Go on showing it until interrupted.")
def command(*, as_json: bool, watch: bool) -> int:
    """Show the holds, how many jobs are in each state, what waits, and the use of each throttle.

    A job is queued while it waits for its turn in the ledger, sent once a worker is called for it, and waiting while
    it rests before it is tried again. With --json, one object that also holds the retry schedule and the ledger's
    times.

    \b
    Examples:
      stamped-sync status
      stamped-sync status --watch

    Exit codes: 0 all well, 2 Redis does not answer, or wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen()
    settings = load_settings()
    connections = load_connections(settings.connections)
    ledger = open_ledger(settings, connections)
    if watch:
        with suppress(KeyboardInterrupt):
            _watch(screen, lambda: _status(screen, ledger, connections, settings, as_json=as_json))
    else:
        _status(screen, ledger, connections, settings, as_json=as_json)
    return ALL_WELL


def _watch(screen: Screen, show: Callable[[], None]) -> NoReturn:
    """Show it again and again, on a terminal each time from the top; while Redis is away, that."""
    while True:
        if sys.stdout.isatty():
            click.clear()
        try:
            show()
        except LedgerUnavailable as error:
            screen.error(redis_silent(error))
        time.sleep(WATCH_SECONDS)


def _status(screen: Screen, ledger: Ledger, connections: Connections, settings: Settings, *, as_json: bool) -> None:
    figures = ledger.figures()
    if as_json:
        shown = _as_json(figures, settings)
        screen.json(shown | {"catch_ups": catch_up.as_json_objects(ledger, connections)})
    else:
        _show(screen, figures)
        catch_up.show(screen, ledger, connections)


def _as_json(figures: Figures, settings: Settings) -> dict[str, object]:
    return {
        "holds": [holds.as_json_object(hold) for hold in figures.holds],
        "queues": figures.queues,
        "jobs": {kind.value: asdict(figures.counts(kind)) for kind in Kind},
        "oldest_queued": {kind.value: _as_iso(figures.oldest_queued(kind)) for kind in Kind},
        "next_due": {kind.value: _as_iso(record.due if record else None) for kind, record in figures.next_due.items()},
        "refusals": figures.refusals.count,
        "refusals_listed": figures.refusals.listed,
        "vanished": figures.vanished,
        "throttles": [asdict(use) for use in figures.uses],
        "settings": settings.model_dump(mode="json", include=SHOWN_SETTINGS),
    }


def _as_iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _show(screen: Screen, figures: Figures) -> None:
    if figures.vanished:
        screen.mark(vanished_in_words(figures), is_good=False)
        screen.prose(VANISHED_ADVICE)
        screen.line()
    if held := figures.holds:
        holds.show(screen, held)
        screen.line()
    states = [state.value for state in State]
    counts = {kind: asdict(figures.counts(kind)) for kind in Kind}
    rows = [[kind.value, *(f"{each[state]:,}" for state in states)] for kind, each in counts.items()]
    screen.table(["Jobs", *states], rows, numbers=states)
    screen.line()
    lengths = figures.queues.items()
    screen.table(["Queue", "messages"], [(queue, f"{length:,}") for queue, length in lengths], numbers=["messages"])
    screen.line()
    screen.table(COLUMNS, lines(figures.uses), numbers=COLUMNS[1:])
    screen.line()
    screen.facts(_facts(figures), indent=0)


def _facts(figures: Figures) -> dict[str, str]:
    facts = {"Refused notifications": refusals_in_words(figures.refusals)}
    now = datetime.now(UTC)
    for kind in Kind:
        if since := figures.oldest_queued(kind):
            facts[f"Oldest {kind} job that waits for its turn"] = f"for {lasting(now - since)}, since {local(since)}"
    for kind, record in figures.next_due.items():
        if record and record.due:
            code = f", after {record.failure.code}" if record.failure else ""
            facts[f"First {kind} retry"] = f"{record.job.customer_id} in {lasting(record.due - now)}{code}"
    return facts
