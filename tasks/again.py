"""Jobs that run again without having failed: what ends their task, and new keys as the reason for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from celery.exceptions import Retry as CelerysRetry

from worker.jobs.calls import Api

if TYPE_CHECKING:
    from worker.jobs.calls import MadeCall
    from worker.jobs.errors import SyncError
    from worker.jobs.job import Job, State
    from worker.runtime import Apis, Runtime


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


def has_other_keys(runtime: Runtime, apis: Apis | None, calls: list[MadeCall]) -> bool:
    """Whether the subscription has other keys than those that Stamped.io has just refused: no hold is needed then.

    It is read again at once. Raises ClaimLost and LedgerUnavailable.
    """
    if apis is None or not calls or calls[-1].api is not Api.STAMPED:
        return False
    refused = calls[-1]
    found = runtime.has_other_keys(apis)
    # The refused call is the last one again: what follows is about the store, and not about iPaaS.com.
    calls.remove(refused)
    calls.append(refused)
    return found
