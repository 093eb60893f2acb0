"""Whether no worker seems to run, and what is said then: one rule for the command line and the monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.ledger import Counts

PATIENCE_SECONDS: Final = 15
"""How long none of the jobs that somebody waits for may start before `seems_idle` is asked."""
NO_WORKER: Final = (
    "No job starts: no worker seems to run. Start one in a terminal of its own with `stamped-sync up`, "
    "or with `celery -A worker.app worker` and, once, `celery -A worker.app beat`."
)


def seems_idle(counts: Iterable[Counts]) -> bool:
    """Whether no worker seems to run, by the counts of each kind of job: there are messages, and no job is running."""
    found = list(counts)
    return any(each.sent for each in found) and not any(each.running for each in found)
