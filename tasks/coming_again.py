"""How a task ends whose job has not."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from celery.exceptions import Retry as CelerysRetry

from worker.jobs.job import State
from worker.ledger import LedgerUnavailable

if TYPE_CHECKING:
    from worker.jobs.catalogue import Failure
    from worker.jobs.job import Job
    from worker.ledger import Ledger
    from worker.runtime import Runtime

TURN: Final = "goes on at its turn"
THROTTLED: Final = "goes on as soon as the throttle of connection {} has room for another call"
REQUESTED: Final = f"{TURN}, because it was requested while this attempt ran"
UNKNOWN: Final = "waits for a worker that knows connection {}; this one does not"
"""Why a job waits for its turn."""


class ComesAgain(CelerysRetry):
    """What ends a task whose job has not: Flower shows that it is tried again, and not that it succeeded.

    Celery sends nothing for it: the ledger lets the job run when it is due, as a task of its own.
    """

    def __init__(self, sentence: str, failure: Failure | None = None) -> None:
        super().__init__(sentence)
        self.failure = failure

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.failure)

    @classmethod
    def left(cls, job: Job, state: str, runtime: Runtime) -> Self | None:
        """That a job waits or rests already, so that this message has nothing to do; None in any other state."""
        if state == State.QUEUED:
            return cls.queued(job, runtime.ledger, TURN if job.system_id in runtime.clients else UNKNOWN)
        if state != State.WAITING:
            return None
        record = None
        with suppress(LedgerUnavailable):  # it rests all the same
            record = runtime.ledger.record(job)
        return cls.resting(job, record.due, record.failure) if record else cls.resting(job, None)

    @classmethod
    def resting(cls, job: Job, due: datetime | None, failure: Failure | None = None) -> Self:
        """That a job rests until it is due."""
        return cls(f"{job} {tried_again(due)}", failure)

    @classmethod
    def queued(cls, job: Job, ledger: Ledger, why: str, failure: Failure | None = None) -> Self:
        """That a job waits for its turn. If its store is held, that is why, and not what this attempt met."""
        hold, system_id = None, job.system_id
        with suppress(LedgerUnavailable):  # the job waits all the same
            hold = ledger.hold_of(system_id)
        if hold is None:
            return cls(f"{job} {why.format(system_id)}.", failure)
        if hold.is_paused:
            until = "somebody resumes it"
        else:
            until = "a job of it proves that it works again" if hold.is_over else in_utc(hold.until)
        return cls(f"{job} waits, because connection {system_id} is held until {until}.", hold.failure)

    @classmethod
    def taken_over(cls, job: Job) -> Self:
        """That an attempt has lost its claim."""
        return cls(f"{job} has been taken over by another worker, so this attempt has ended.")


def tried_again(due: datetime | None) -> str:
    """The end of a sentence about what is tried again."""
    return f"is tried again at {in_utc(due)}." if due else "is tried again when it is due."


def after(seconds: float) -> datetime:
    """The time in so many seconds."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def in_utc(moment: datetime) -> str:
    """A time as Flower shows it: to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
