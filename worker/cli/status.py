"""`stamped-sync status`."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING, NoReturn

import click

from worker.cli import catch_ups, holds
from worker.cli.drift import Read, show_configuration
from worker.cli.ending import ALL_WELL, WRONG, redis_silent
from worker.cli.options import json_option
from worker.config.settings import load_settings
from worker.handover import limits_of, open_ledger
from worker.jobs.job import Kind, State
from worker.ledger import LedgerUnavailable
from worker.presentation.configuration import agreement
from worker.presentation.figures import VANISHED_HELP, refusals_in_words, unknown_in_words, vanished_in_words
from worker.presentation.screen import Screen
from worker.presentation.times import as_iso, lasting, local
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from worker.config.settings import Settings
    from worker.connections import Connections
    from worker.ledger import Ledger
    from worker.ledger.processes import Process
    from worker.ledger.views.figures import Figures, Use

WATCH_SECONDS = 2
THROTTLE_COLUMNS = ("Connection", "queued", "under way", "calls to Stamped.io", "calls to iPaaS.com")
ALL_SHOWN = 20
"""Up to this many connections, each has a row."""
STATES = "\n".join(["\b", "The states of a job:", *(f"  {state:<9}{state.sentence}" for state in State)])
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


@click.command(epilog=STATES)
@json_option
@click.option("--watch", is_flag=True, help="Show it every 2 seconds, until Ctrl-C.")
def command(*, as_json: bool, watch: bool) -> int:
    """Show the holds, how many jobs are in each state, what waits, and the use of each throttle.

    It also says whether the configuration has faults, and which processes do not go by it. --json prints one object,
    which also holds the retry schedule and the ledger's times.

    \b
    Examples:
      stamped-sync status
      stamped-sync status --watch

    Exit codes: 0 all well, 2 Redis does not answer, or wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen, settings = Screen(), load_settings()
    show = partial(_status, screen, open_ledger(settings), settings, as_json=as_json)
    if watch:
        with suppress(KeyboardInterrupt):
            _watch(screen, show, settings.redis_url_shown, is_apart=not as_json)
    return show()


def _watch(screen: Screen, show: Callable[[], int], redis_url: str, *, is_apart: bool) -> NoReturn:
    """Show the status again and again, on a terminal each time from the top; or that Redis does not answer.

    Elsewhere each one has a line with the time above it, if they are to be told apart.
    """
    while True:
        if sys.stdout.isatty():
            click.clear()
        elif is_apart:
            screen.section(local(datetime.now(UTC)))
        try:
            show()
        except LedgerUnavailable as error:
            screen.error(redis_silent(error, redis_url))
        time.sleep(WATCH_SECONDS)


def _status(screen: Screen, ledger: Ledger, settings: Settings, *, as_json: bool) -> int:
    """Show the status once: the exit code. The ledger's part of it is shown also if the connections have faults."""
    read = Read.of(settings)
    ledger.reconfigure(limits_of(read.connections), read.connections.fingerprint)
    figures, processes = ledger.figures(), ledger.processes.running()
    progresses = list(catch_ups.read(ledger, read.connections, settings))
    if as_json:
        more: dict[str, object] = {
            "catch_ups": list(starmap(catch_ups.as_json, progresses)),
            "configuration": read.as_json(processes),
            "tokens": list(_tokens(read.connections)),
        }
        if read.faults:
            more["unknown_connections"] = None  # nobody can tell
        screen.json(_as_json(figures, settings) | more)
    else:
        show_configuration(screen, read, processes)
        for each in read.connections.expiring():
            screen.caution(each)
        _show(screen, figures, read, processes)
        screen.line()
        catch_ups.show(screen, progresses, ALL_SHOWN)
    return WRONG if read.faults else ALL_WELL


def _as_json(figures: Figures, settings: Settings) -> dict[str, object]:
    return {
        "unknown_connections": {str(system_id): count for system_id, count in figures.unknown.items()},
        "holds": [holds.as_json_object(hold) for hold in figures.holds],
        "queues": figures.queues,
        "jobs": {kind.value: asdict(figures.counts(kind)) for kind in Kind},
        "oldest_queued": {kind.value: as_iso(figures.oldest_queued(kind)) for kind in Kind},
        "next_due": {kind.value: as_iso(record.due if record else None) for kind, record in figures.next_due.items()},
        "refusals": figures.refusals.count,
        "refusals_listed": figures.refusals.listed,
        "vanished": figures.vanished,
        "throttles": [asdict(use) for use in figures.uses],
        "settings": settings.model_dump(mode="json", include=SHOWN_SETTINGS),
    }


def _tokens(connections: Connections) -> Iterator[dict[str, object]]:
    """When each API key expires whose connection says so."""
    for each in connections:
        if at := each.ipaas.expires_at:
            yield {"system_id": each.system_id, "expires": at.date().isoformat()}


def _show(screen: Screen, figures: Figures, read: Read, processes: Sequence[Process]) -> None:
    _show_alarms(screen, figures, unknown=[] if read.faults else unknown_in_words(figures))
    _show_counts(screen, figures)
    if read.faults:
        _show_stores(screen, figures)
    else:
        _show_throttles(screen, figures.uses)
    screen.line()
    facts = _facts(figures)
    if not (read.faults or read.drift(processes)):
        facts["Configuration"] = agreement(processes, read.connections.fingerprint)
    screen.facts(facts, indent=0)


def _show_alarms(screen: Screen, figures: Figures, unknown: Sequence[str]) -> None:
    """What an operator must see first; `unknown`: whose jobs wait for a connection."""
    for each in unknown:
        screen.caution(each)
    if unknown:
        screen.line()
    if figures.vanished:
        screen.mark(vanished_in_words(figures), is_good=False)
        screen.prose(VANISHED_HELP)
        screen.line()
    if held := figures.holds:
        holds.show(screen, held)
        screen.line()


def _show_counts(screen: Screen, figures: Figures) -> None:
    """How many jobs are in each state, and how many messages in each queue."""
    states = [state.value for state in State]
    counts = {kind: asdict(figures.counts(kind)) for kind in Kind}
    rows = [[kind.value, *(f"{each[state]:,}" for state in states)] for kind, each in counts.items()]
    screen.table(["Jobs", *states], rows, numbers=states)
    screen.line()
    lengths = figures.queues.items()
    screen.table(["Queue", "messages"], [(queue, f"{length:,}") for queue, length in lengths], numbers=["messages"])
    screen.line()


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


def _show_stores(screen: Screen, figures: Figures) -> None:
    """A row for each connection in which something waits or runs; what it allows stands in the file that has faults."""
    rows = [
        (str(each.system_id), f"{each.queued:,}", f"{each.under_way:,}")
        for each in figures.stores.values()
        if each.queued or each.under_way
    ]
    if rows:
        screen.table(THROTTLE_COLUMNS[:3], rows, numbers=THROTTLE_COLUMNS[1:3])


def _show_throttles(screen: Screen, uses: Sequence[Use]) -> None:
    """A row for each connection; of many, only those in which something is done or waits."""
    shown = uses if len(uses) <= ALL_SHOWN else [each for each in uses if not each.is_idle]
    if shown or not uses:
        screen.table(THROTTLE_COLUMNS, _throttle_rows(shown), numbers=THROTTLE_COLUMNS[1:])
    if idle := len(uses) - len(shown):
        screen.line(f"Idle: {counted(idle, 'more connection')}" if shown else f"Idle: {counted(idle, 'connection')}")


def _throttle_rows(uses: Iterable[Use]) -> Iterator[tuple[str, ...]]:
    """A row for each connection."""
    for use in uses:
        yield (
            str(use.system_id),
            f"{use.queued:,}",
            f"{use.under_way:,} of {use.concurrent:,}",
            _calls(use.stamped_calls, use.stamped_limit, use.stamped_seconds),
            _calls(use.ipaas_calls, use.ipaas_limit, use.ipaas_seconds),
        )


def _calls(calls: int, limit: int | None, seconds: float | None) -> str:
    return f"{calls:,} of {limit:,} in {seconds:,.0f} s" if limit and seconds else "no limit"
