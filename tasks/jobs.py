"""The life of one job in a task: claim, do, settle. Retry, report and log live here, once."""

from __future__ import annotations

import logging
import time
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from celery import Task

from tasks.messages import send
from worker import retries, telemetry
from worker.app import app
from worker.errors import InternalError, SyncError
from worker.ledger import Claim, ClaimLost, ClaimRefused, LedgerUnavailable
from worker.logs import Attempt, logged_as
from worker.queues import queue_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.guard import Guard
    from worker.job import Job

    Work = Callable[[Claim, Guard], tuple[str, list[Job]]]
    """Does a claimed job and completes the claim: answers the action, and the jobs whose message is owed."""

log = logging.getLogger(__name__)


class JobTask(Task[..., dict[str, Any]]):
    """A task that runs one job of the ledger.

    The message may come never, once or twice: the claim decides. A failure that passes is tried again, in seconds as a
    Celery retry, later than that from the ledger; any other ends the job, and the task with it.
    """

    abstract = True
    max_retries = None

    def carry(self, job: Job, work: Work) -> dict[str, Any]:
        """Run the job if it can be claimed."""
        started = time.monotonic()
        try:
            claim = app.runtime.ledger.claim(job)
        except ClaimRefused as refused:
            log.debug("%s: nothing to do, it is %s", job, refused.state)
            return {"job": str(job), "state": refused.state}
        with logged_as(Attempt(job, self.request.id or "", claim.tracking_guid, claim.debug)):
            telemetry.tag(job, claim.tracking_guid)
            try:
                return self._run(claim, work, started)
            except ClaimLost:
                log.warning("%s: the claim was lost; another worker has the job", job, extra={"outcome": "lost"})
                return {"job": str(job), "state": "lost"}

    def _run(self, claim: Claim, work: Work, started: float) -> dict[str, Any]:
        log.info("%s: attempt %d", claim.job, claim.attempt + 1, extra={"attempt": claim.attempt + 1})
        try:
            action, owed = work(claim, app.runtime.guard(claim, started))
        except (ClaimLost, LedgerUnavailable):
            raise
        except SyncError as error:
            return self._settle(claim, error, started)
        except Exception as error:  # noqa: BLE001 - it is reported, as a fault of ours
            # Not log.exception: the text of an unforeseen error can hold anything, so its trace alone is logged.
            log.error("%s: a fault of this software\n%s", claim.job, _trace(error))  # noqa: TRY400
            return self._settle(claim, InternalError(_place(error)), started)
        send(owed, to_front=claim.debug)
        seconds = round(time.monotonic() - started, 3)
        log.info("%s: %s in %.3f s", claim.job, action, seconds, extra={"outcome": action, "seconds": seconds})
        return {"job": str(claim.job), "state": "done", "action": action}

    def _settle(self, claim: Claim, error: SyncError, started: float) -> dict[str, Any]:
        """Rest before another try, or fail. Raises Celery's Retry, or the error itself, so that Flower shows it."""
        failure = error.failure
        told = {
            "code": failure.code,
            "http_status": failure.http_status,
            "seconds": round(time.monotonic() - started, 3),
        }
        rest = retries.rest_seconds(error, claim.attempt, app.runtime.schedule)
        if rest is None:
            self._fail(claim, error, told)
        return self._rest(claim, error, rest, told)

    def _fail(self, claim: Claim, error: SyncError, told: dict[str, Any]) -> NoReturn:
        owed = app.runtime.ledger.fail(claim, error.failure)
        told |= {"outcome": "failed", "cause": error.entry.cause, "resolution": error.entry.resolution}
        log.error("%s: failed, %s", claim.job, error, extra=told)
        send(owed, to_front=claim.debug)
        raise error from None

    def _rest(self, claim: Claim, error: SyncError, rest: float, told: dict[str, Any]) -> dict[str, Any]:
        is_short = rest <= retries.SHORT_REST_SECONDS
        owed = app.runtime.ledger.defer(claim, rest, error.failure, carried=is_short)
        log.warning("%s: tried again in %.0f s, %s", claim.job, rest, error, extra=told | {"outcome": "waiting"})
        if owed:
            send(owed, to_front=claim.debug)
        elif is_short:
            raise self.retry(exc=error, countdown=rest, queue=queue_of(claim.job.kind, to_front=claim.debug))
        return {"job": str(claim.job), "state": "queued" if owed else "waiting", "code": error.failure.code}


def _trace(error: Exception) -> str:
    """The way to an unforeseen error, by lines of code, without its text."""
    return "".join(traceback.format_tb(error.__traceback__))


def _place(error: Exception) -> str:
    """Where an unforeseen error happened: its kind and place, and nothing of its text."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "unknown"
    return f"{type(error).__name__} in {place}"
