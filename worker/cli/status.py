"""`stamped-sync status`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from worker.cli.exit_codes import ALL_WELL
from worker.cli.options import json_option
from worker.cli.times import lasting, local
from worker.job import Kind
from worker.ledger import State
from worker.queues import CUSTOMERS, SUBSCRIPTIONS, UPKEEP
from worker.runtime import open_ledger
from worker.screen import Screen
from worker.settings import load_settings

if TYPE_CHECKING:
    from worker.ledger import Ledger, Record
    from worker.settings import Settings

QUEUES = (CUSTOMERS, SUBSCRIPTIONS, UPKEEP)
SHOWN_SETTINGS = {
    "done_days",
    "failed_days",
    "fast_retries",
    "slow_retry_minutes",
    "lease_seconds",
    "sweep_seconds",
    "lost_after_seconds",
    "subscription_retry_minutes",
    "subscription_retry_days",
}


@click.command()
@json_option
def command(*, as_json: bool) -> int:
    """Show how long the queues are, how many jobs are in each state, and what waits.

    With --json, one object that also holds the retry schedule and the ledger's times.

    \b
    Examples:
      stamped-sync status
      watch stamped-sync status

    Exit codes: 0 all well, 2 Redis does not answer, or wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen()
    settings = load_settings()
    ledger = open_ledger(settings)
    if as_json:
        screen.json(_as_json(ledger, settings))
    else:
        _show(screen, ledger)
    return ALL_WELL


def _as_json(ledger: Ledger, settings: Settings) -> dict[str, object]:
    return {
        "queues": ledger.queue_lengths(QUEUES),
        "jobs": {kind.value: asdict(ledger.counts(kind)) for kind in Kind},
        "oldest_queued": {kind.value: _as_iso(ledger.oldest(State.QUEUED, kind)) for kind in Kind},
        "next_due": {kind.value: _as_iso(record.due if record else None) for kind, record in _waiting(ledger).items()},
        "refusals": ledger.refusal_count(),
        "settings": settings.model_dump(mode="json", include=SHOWN_SETTINGS),
    }


def _as_iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _waiting(ledger: Ledger) -> dict[Kind, Record | None]:
    """Of each kind, the job that is due first among those that rest until they are tried again."""
    return {kind: next(ledger.in_state(State.WAITING, kind), None) for kind in Kind}


def _show(screen: Screen, ledger: Ledger) -> None:
    states = [state.value for state in State]
    counts = {kind: asdict(ledger.counts(kind)) for kind in Kind}
    rows = [[kind.value, *(f"{each[state]:,}" for state in states)] for kind, each in counts.items()]
    screen.table(["Jobs", *states], rows, numbers=states)
    screen.line()
    lengths = ledger.queue_lengths(QUEUES).items()
    screen.table(["Queue", "messages"], [(queue, f"{length:,}") for queue, length in lengths], numbers=["messages"])
    screen.line()
    screen.facts(_facts(ledger), indent=0)


def _facts(ledger: Ledger) -> dict[str, str]:
    facts = {"Refused notifications": f"{ledger.refusal_count():,}"}
    now = datetime.now(UTC)
    for kind in Kind:
        if sent := ledger.oldest(State.QUEUED, kind):
            facts[f"Oldest {kind} job in the queue"] = f"for {lasting(now - sent)}, since {local(sent)}"
    for kind, record in _waiting(ledger).items():
        if record and record.due:
            code = f", after {record.failure.code}" if record.failure else ""
            facts[f"First {kind} retry"] = f"{record.job.customer_id} in {lasting(record.due - now)}{code}"
    return facts
