"""What has come of a job that somebody waits for: decided here for `sync --wait` and for Manual Sync's progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from worker.jobs.job import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from worker.jobs.catalogue import Failure
    from worker.jobs.job import Job
    from worker.ledger.hold import Hold
    from worker.ledger.records import Record

MISSING: Final = "missing"
"""The state of a job that the ledger does not hold, or not any more, because somebody discarded it."""
LONG_REST: Final = timedelta(minutes=1)
MANY_RESTS: Final = 3


class Records(Protocol):
    """What is needed of the ledger to follow jobs."""

    def records(self, jobs: Sequence[Job]) -> list[Record | None]:
        """Many jobs."""


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
            return cls(job, State.WAITING, failure=hold.failure, due=hold.ends_at)
        due = record.due if record.state is State.WAITING else None
        return cls(job, record.state, record.action, record.stamped_id, record.failure, due)

    @property
    def name(self) -> str:
        """The outcome in one word: what the job did, if it is done, else its state."""
        return self.action or self.state


def has_ended(record: Record | None, version: int) -> bool:
    """Whether the run that was asked for as `version` has ended, or the ledger does not hold the job any more."""
    return record is None or record.has_settled(version)


def subscription_version(record: Record | None) -> int:
    """The version of the subscription job that follows a customer job, now that it has ended; 0 if none follows."""
    return record.subscription_version if record and record.state is State.DONE else 0


def rests_long(record: Record | None, hold: Hold | None) -> bool:
    """Whether a job rests or is held for more than a minute, or has rested often, so that nobody should wait for it.

    However short each rest is, a job that rests for the third time in a row may need the person who waits.
    """
    if record is None:
        return False
    if record.state is State.QUEUED:
        return hold is not None and not hold.is_over and hold.until - hold.since > LONG_REST
    if record.state is not State.WAITING or record.due is None or record.changed_at is None:
        return False
    # Both times are by Redis' clock, so this machine's clock may be wrong.
    return max(record.met, record.attempt - 1) >= MANY_RESTS or record.due - record.changed_at > LONG_REST
