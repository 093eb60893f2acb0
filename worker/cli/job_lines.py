"""How the command line shows a job's outcome and its attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.ledger.outcome import Outcome
from worker.presentation.events import event_as_json
from worker.presentation.times import as_iso, clock, zone
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.ledger import Record
    from worker.ledger.memory.event import Event
    from worker.presentation.screen import Screen


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """The line that a program reads, with the due time of a job that waits."""
    return {
        "system_id": outcome.job.system_id,
        "customer_id": outcome.job.customer_id,
        "kind": outcome.job.kind,
        "state": outcome.state,
        "action": outcome.action,
        "stamped_id": outcome.stamped_id,
        "error": outcome.failure.as_json() if outcome.failure else None,
        **({"due": as_iso(outcome.due)} if outcome.due else {}),
    }


def record_as_json(record: Record) -> dict[str, object]:
    """The same of a job that the ledger holds, with the time when it last changed."""
    return outcome_as_json(Outcome.of(record.job, record)) | {"at": as_iso(record.changed_at)}


def show_attempts(screen: Screen, attempts: Sequence[Event]) -> None:
    """What happened to a job, newest first; each attempt with the calls it made."""
    if attempts:
        times = zone(each.began_at for each in attempts)
        screen.line(f"  {counted(len(attempts), 'event')}, the newest first; times in {times}", "bold")
    for attempt in attempts:
        where = f" on {attempt.worker}" if attempt.worker else ""
        where += f" by configuration {attempt.configuration}" if attempt.configuration else ""
        because = f", {attempt.failure.headline}" if attempt.failure else ""
        asker = f", {attempt.asker.words}" if attempt.asker.words else ""
        if attempt.note:
            because += f": {attempt.note}"
        took = f" in {attempt.ms / 1000:.3f} s" if attempt.worker or attempt.ms or attempt.calls else ""
        screen.line(f"    {clock(attempt.began_at)}  {attempt.outcome}{took}{asker}{where}{because}")
        if attempt.sent:
            screen.line(f"      sent {', '.join(attempt.sent)}")
        for call in attempt.calls:
            answer = f"{call.status or 'no answer'} in {call.ms / 1000:.3f} s"
            screen.line(f"      {call.api} {call.method} {call.route}: {answer}")


def attempt_as_json(attempt: Event) -> dict[str, Any]:
    """An attempt as a program reads it: the event, and when it began."""
    return {"at": as_iso(attempt.began_at)} | event_as_json(attempt)
