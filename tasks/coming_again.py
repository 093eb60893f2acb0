"""How a task ends whose job has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from celery.exceptions import Retry as CelerysRetry

if TYPE_CHECKING:
    from worker.jobs.errors import SyncError
    from worker.jobs.job import Job, State


class ComesAgain(CelerysRetry):
    """What ends a task whose job has not: Flower shows that it is tried again, and not that it succeeded.

    Celery sends nothing for it: the ledger lets the job run when it is due, as a task of its own.
    """

    @classmethod
    def of(cls, job: Job, state: State, error: SyncError | None = None) -> Self:
        """That a job waits or rests, and for which error."""
        return cls(f"{job} is {state}" + (f": {error}" if error else ""), exc=error)

    def __repr__(self) -> str:
        """Its message, for Flower."""
        return str(self)
