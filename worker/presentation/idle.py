"""Whether no worker seems to run, and what is said then: one rule for the command line and the monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from worker.jobs.job import Kind

if TYPE_CHECKING:
    from worker.ledger import Counts

PATIENCE_SECONDS: Final = 15
"""How long none of the jobs that somebody waits for may start before `seems_idle` is asked."""
NO_WORKER: Final = (
    "No job starts: no worker seems to run. Start one in a terminal of its own with `stamped-sync up`, "
    "or with `celery -A worker.app worker` and, once, `celery -A worker.app beat`."
)


class Counted(Protocol):
    """What is needed of the ledger."""

    def counts(self, kind: Kind) -> Counts:
        """How many jobs of a kind there are in each state."""


def seems_idle(ledger: Counted) -> bool:
    """Whether no worker seems to run: there are messages, and no job of any connection is running."""
    counts = [ledger.counts(kind) for kind in Kind]
    return any(each.sent for each in counts) and not any(each.running for each in counts)
