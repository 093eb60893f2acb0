"""Events as people and programs read them: for Activity, `activity` and `history`, and tables to download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.jobs.catalogue import Failure
from worker.jobs.job import Action, Kind
from worker.presentation.tables import as_csv
from worker.presentation.times import as_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.ledger import Record
    from worker.ledger.memory.event import Event

COLUMNS: Final = (
    *("ended_at", "seconds", "system_id", "kind", "customer_id", "outcome", "code", "source", "user", "stamped_id"),
    *("tracking_id", "fields", "configuration", "worker", "note"),
)
"""Of a table."""
WITHOUT_ATTEMPT: Final = (
    "its customer's transfer found the subscription as it has to be, so nothing was left to do and no attempt was made."
)
"""What became of a subscription job for which `without_attempt` holds; its time and a colon come before."""
OUTCOMES: Final = {
    "created": "the customer was created in Stamped.io",
    "updated": "the customer was updated in Stamped.io",
    "subscribed": "the customer was subscribed",
    "unsubscribed": "the customer was unsubscribed",
    "unchanged": "nothing had to be changed",
    "waiting": "the attempt failed, and the job waits to be tried again",
    "held": "the attempt met trouble of the whole store, and the job waits",
    "throttled": "the throttle had no room for another call, and the job waits for its turn again",
    "queued": "the job was asked for meanwhile, and waits for its turn again",
    "failed": "the job failed, and shows in Error Logs",
    "lost": "the worker was lost",
    "requested": "somebody asked for it",
    "discarded": "somebody discarded the failed job",
    "paused": "somebody paused the connection",
    "resumed": "somebody resumed the connection",
    "released": "somebody ended the hold",
    "dismissed": "somebody dismissed refused notifications",
    "acknowledged": "somebody noted that they know of these failed jobs",
    "withdrawn": "somebody withdrew such a note",
}
"""Every outcome, and what it means."""


def event_as_json(event: Event) -> dict[str, Any]:
    """An event as a program reads it, in one line."""
    return {
        "ended_at": as_iso(event.ended_at),
        "seconds": event.ms / 1000,
        "system_id": event.system_id,
        "customer_id": event.customer_id or None,
        "kind": event.kind,
        "outcome": event.outcome,
        "source": event.asker.source or None,
        "user": event.asker.user or None,
        "stamped_id": event.stamped_id or None,
        "tracking_id": event.tracking_guid or None,
        "fields": list(event.sent),
        "configuration": event.configuration or None,
        "worker": event.worker or None,
        "note": event.note or None,
        "error": _failure(event).as_json() if event.code else None,
        "calls": [
            {
                "api": call.api,
                "method": call.method,
                "route": call.route,
                "http_status": call.status,
                "seconds": call.ms / 1000,
            }
            for call in event.calls
        ],
    }


def _failure(event: Event) -> Failure:
    return event.failure or Failure(event.code)


def table(events: Iterable[Event], *, with_header: bool = False) -> str:
    """Events as lines of a CSV table."""
    return as_csv(([COLUMNS] if with_header else []), map(_values, events))


def _values(event: Event) -> Sequence[object]:
    about = event.system_id, event.kind, event.customer_id, event.outcome, event.code
    who = event.asker.source, event.asker.user, event.stamped_id, event.tracking_guid
    return (
        *(as_iso(event.ended_at), f"{event.ms / 1000:.3f}", *about, *who),
        *(" ".join(event.sent), event.configuration, event.worker, event.note),
    )


def in_words(event: Event) -> str:
    """What came of it, in a line: the outcome, its error, and what there is to say of it."""
    because = _failure(event).headline if event.code else ""
    return ", ".join(filter(None, [event.outcome, because, event.note]))


def without_attempt(record: Record, life: Sequence[Event]) -> bool:
    """Whether a subscription job last ended without an attempt, in the step that ended its customer's transfer."""
    is_as_mapped = record.job.kind is Kind.SUBSCRIPTION and record.action == Action.UNCHANGED
    return is_as_mapped and not any(record.changed_at and event.ended_at >= record.changed_at for event in life)
