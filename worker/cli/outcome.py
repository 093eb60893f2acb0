"""What a job came to, in the words of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.job import State

if TYPE_CHECKING:
    from datetime import datetime

    from worker.jobs.catalogue import Failure
    from worker.jobs.job import Job
    from worker.ledger import Hold, Record

MISSING: Final = "missing"
"""The state of a job that the ledger does not hold, or not any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One job and where it stands."""

    job: Job
    state: str
    action: str | None = None
    stamped_id: str | None = None
    failure: Failure | None = None
    due: datetime | None = None

    @classmethod
    def of(cls, job: Job, record: Record | None, hold: Hold | None = None) -> Outcome:
        """What the ledger holds of a job, which may be nothing. A job that is queued while its store is held waits."""
        if record is None:
            return cls(job, MISSING)
        if record.state is State.QUEUED and hold:
            return cls(job, State.WAITING, failure=hold.failure, due=hold.until)
        due = record.due if record.state is State.WAITING else None
        return cls(job, record.state, record.action, record.stamped_id, record.failure, due)

    def as_json(self) -> dict[str, Any]:
        """The line that a program reads."""
        shown = {
            "system_id": self.job.system_id,
            "customer_id": self.job.customer_id,
            "kind": self.job.kind,
            "state": self.state,
            "action": self.action,
            "stamped_id": self.stamped_id,
            "error": self.failure.as_json() if self.failure else None,
        }
        return shown | ({"due": self.due.isoformat()} if self.due else {})


def titled(failure: Failure | None) -> str:
    """An error in short: its title and its code."""
    return f"{failure.entry.title} ({failure.code})" if failure else ""
