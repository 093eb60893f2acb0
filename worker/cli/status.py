"""`stamped-sync status`."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import click

from worker.cli import holds
from worker.cli.exit_codes import ALL_WELL
from worker.cli.explaining import redis_silent
from worker.cli.options import json_option
from worker.cli.throttle import COLUMNS, lines
from worker.connections import load_connections
from worker.job import Kind
from worker.ledger import LedgerUnavailable, State
from worker.queues import CUSTOMERS, SUBSCRIPTIONS, UPKEEP
from worker.runtime import open_ledger
from worker.screen import Screen
from worker.settings import load_settings
from worker.throttle_use import uses
from worker.times import lasting, local

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.connections import Connections
    from worker.ledger import Ledger, Record
    from worker.settings import Settings

WATCH_SECONDS = 2
QUEUES = (CUSTOMERS, SUBSCRIPTIONS, UPKEEP)
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
    if as_json:
        screen.json(_as_json(ledger, connections, settings))
    else:
        _show(screen, ledger, connections)


def _as_json(ledger: Ledger, connections: Connections, settings: Settings) -> dict[str, object]:
    return {
        "holds": [holds.as_json_object(hold) for hold in ledger.holds()],
        "queues": ledger.queue_lengths(QUEUES),
        "jobs": {kind.value: asdict(ledger.counts(kind)) for kind in Kind},
        "oldest_queued": {kind.value: _as_iso(ledger.oldest(State.QUEUED, kind)) for kind in Kind},
        "next_due": {kind.value: _as_iso(record.due if record else None) for kind, record in _waiting(ledger).items()},
        "refusals": ledger.refusal_count(),
        "throttles": [use.as_json() for use in uses(ledger, connections)],
        "settings": settings.model_dump(mode="json", include=SHOWN_SETTINGS),
    }


def _as_iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _waiting(ledger: Ledger) -> dict[Kind, Record | None]:
    """Of each kind, the job that is due first among those that rest until they are tried again."""
    return {kind: next(ledger.in_state(State.WAITING, kind), None) for kind in Kind}


def _show(screen: Screen, ledger: Ledger, connections: Connections) -> None:
    if held := ledger.holds():
        holds.show(screen, held)
        screen.line()
    states = [state.value for state in State]
    counts = {kind: asdict(ledger.counts(kind)) for kind in Kind}
    rows = [[kind.value, *(f"{each[state]:,}" for state in states)] for kind, each in counts.items()]
    screen.table(["Jobs", *states], rows, numbers=states)
    screen.line()
    lengths = ledger.queue_lengths(QUEUES).items()
    screen.table(["Queue", "messages"], [(queue, f"{length:,}") for queue, length in lengths], numbers=["messages"])
    screen.line()
    screen.table(COLUMNS, lines(uses(ledger, connections)), numbers=COLUMNS[1:])
    screen.line()
    screen.facts(_facts(ledger), indent=0)


def _facts(ledger: Ledger) -> dict[str, str]:
    facts = {"Refused notifications": f"{ledger.refusal_count():,}"}
    now = datetime.now(UTC)
    for kind in Kind:
        if sent := ledger.oldest(State.QUEUED, kind):
            facts[f"Oldest {kind} job that waits for its turn"] = f"for {lasting(now - sent)}, since {local(sent)}"
    for kind, record in _waiting(ledger).items():
        if record and record.due:
            code = f", after {record.failure.code}" if record.failure else ""
            facts[f"First {kind} retry"] = f"{record.job.customer_id} in {lasting(record.due - now)}{code}"
    return facts
