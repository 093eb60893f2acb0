"""The life of one job in a task: claim, do, settle. Retry, report and log live here, once."""

from __future__ import annotations

import logging
import time
import traceback
from typing import TYPE_CHECKING, Any

from celery import Task

from tasks.messages import send
from worker import retries, telemetry
from worker.app import app
from worker.errors import InternalError, SyncError
from worker.ledger import Claim, ClaimLost, ClaimRefused, Ended, LedgerUnavailable, Throttled
from worker.logs import Attempt, advice, logged_as, told
from worker.queues import queue_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.guard import Guard
    from worker.job import Job
    from worker.reconcile import Reconciled
    from worker.retries import Pause
    from worker.transfer import Transferred

    Work = Callable[[Claim, Guard], Transferred | Reconciled]
    """Does a claimed job: answers what it came to."""

log = logging.getLogger(__name__)


class JobTask(Task[..., dict[str, Any]]):
    """A task that runs one job of the ledger.

    The message may come never, once or twice: the claim decides. A failure that is the whole store's holds the store;
    one that passes is tried again, in seconds as a Celery retry, later from the ledger; any other ends the job.
    """

    abstract = True
    max_retries = None
    throws = (SyncError,)
    """Celery need not tell these: they are logged and reported here."""

    def carry(self, job: Job, work: Work) -> dict[str, Any]:
        """Run the job if it can be claimed."""
        asked_at = app.runtime.clock()
        try:
            claim = app.runtime.ledger.claim(job)
        except ClaimRefused as refused:
            log.debug("%s: nothing to do, it is %s", job, refused.state)
            return {"job": str(job), "state": refused.state}
        except LedgerUnavailable as error:
            log.error("%s: not begun, %s", job, error, extra=told(error) | advice(error))  # noqa: TRY400 - it says all
            raise
        attempt = Attempt(job, self.request.id or "", claim.tracking_guid, claim.debug, claim.attempt + 1)
        with logged_as(attempt):
            telemetry.tag(job, claim.tracking_guid)
            run = _Run(self, claim, attempt, asked_at)
            try:
                return run.do(work)
            except ClaimLost:
                return run.lose()
            except LedgerUnavailable as error:
                run.break_off(error)
                raise


class _Run:
    """One run of a claimed job."""

    def __init__(self, task: JobTask, claim: Claim, attempt: Attempt, asked_at: float) -> None:
        self._task = task
        self._claim = claim
        self._made = attempt.calls
        self._guard = app.runtime.guard(claim, asked_at)
        self._started = time.monotonic()

    def do(self, work: Work) -> dict[str, Any]:
        """Do the work and settle what it comes to. Raises Celery's Retry, or the error that ends the job."""
        log.info("%s: attempt %d", self._claim.job, self._claim.attempt + 1)
        try:
            return self._complete(work(self._claim, self._guard))
        except Throttled:
            return self._queue()
        except (ClaimLost, LedgerUnavailable):
            raise
        except SyncError as error:
            return self._settle(error)
        except Exception as error:  # noqa: BLE001 - it is reported, as a fault of ours
            # Not log.exception: the text of an unforeseen error can hold anything, so its trace alone is logged.
            log.error("%s: a fault of this software\n%s", self._claim.job, _trace(error))  # noqa: TRY400
            return self._settle(InternalError(_place(error)).with_traceback(error.__traceback__))

    def lose(self) -> dict[str, Any]:
        """End the run where the claim was lost: what it came to is another worker's to tell."""
        log.warning("%s: the claim was lost; another worker has the job", self._claim.job, extra=self._ended("lost"))
        return {"job": str(self._claim.job), "state": "lost"}

    def break_off(self, error: LedgerUnavailable) -> None:
        """Tell that Redis went away: the job is found when its lease is over. No more such runs than threads."""
        ended = self._ended("broken off", error) | advice(error)
        log.error("%s: broken off, %s", self._claim.job, error, extra=ended)
        telemetry.report(error, self._claim.job, self._claim.tracking_guid, outcome="broken off")

    def _queue(self) -> dict[str, Any]:
        held = app.runtime.ledger.wait_for_slot(self._claim, self._guard.calls, made=self._made)
        send(held.messages)
        log.info("%s: waits for room in the store's throttle", self._claim.job, extra=self._ended("throttled"))
        return {"job": str(self._claim.job), "state": "queued"}

    def _complete(self, done: Transferred | Reconciled) -> dict[str, Any]:
        job, action = self._claim.job, done.action
        ended = app.runtime.ledger.complete(
            self._claim, self._guard.calls, action, done.stamped_id, done.next_step, made=self._made
        )
        self._go_on(ended)
        line = self._ended(action)
        log.info("%s: %s in %.3f s", job, action, line["seconds"], extra=line)
        return {"job": str(job), "state": "done", "action": action}

    def _go_on(self, ended: Ended) -> None:
        send(ended.messages)
        if ended.hold_ended:
            system_id = self._claim.job.system_id
            log.warning("connection %d: no longer held", system_id, extra={"outcome": "hold ended"})

    def _settle(self, error: SyncError) -> dict[str, Any]:
        pause = retries.pause(error, app.runtime.holds)
        if pause and self._is_held(error, pause):
            return {"job": str(self._claim.job), "state": "queued", "code": error.entry.code}
        rest = retries.rest(error, self._claim.attempt, app.runtime.schedule)
        return self._rest(error, rest.seconds) if rest else self._fail(error, proves=pause is None)

    def _is_held(self, error: SyncError, pause: Pause) -> bool:
        """Whether the error is the whole store's, so that the store is held and the job waits for its turn again."""
        job = self._claim.job
        held = app.runtime.ledger.hold(
            self._claim, self._guard.calls, error.failure, pause, self._guard.api, made=self._made
        )
        send(held.messages)
        if held.hold_began:
            began = self._ended(telemetry.HOLD, error) | advice(error)
            log.error("connection %d: held, %s", job.system_id, error, extra=began)
            telemetry.report(error, job, self._claim.tracking_guid, outcome=telemetry.HOLD)
        if held.spared:
            log.info("%s: waits for its turn again, %s", job, error.entry.code, extra=self._ended("held", error))
        return held.spared

    def _rest(self, error: SyncError, seconds: float) -> dict[str, Any]:
        job, is_short = self._claim.job, seconds <= retries.SHORT_REST_SECONDS
        ended = app.runtime.ledger.defer(
            self._claim, self._guard.calls, seconds, error.failure, carried=is_short, made=self._made
        )
        send(ended.messages)
        if ended.runs_again:
            log.warning("%s: runs again at once, %s", job, error, extra=self._ended("queued", error))
            return {"job": str(job), "state": "queued", "code": error.entry.code}
        log.warning("%s: tried again in %.0f s, %s", job, seconds, error, extra=self._ended("waiting", error))
        if is_short:
            raise self._task.retry(exc=error, countdown=seconds, queue=queue_of(job.kind, to_front=self._claim.debug))
        return {"job": str(job), "state": "waiting", "code": error.entry.code}

    def _fail(self, error: SyncError, *, proves: bool) -> dict[str, Any]:
        ended = app.runtime.ledger.fail(self._claim, self._guard.calls, error.failure, proves=proves, made=self._made)
        line = self._ended(telemetry.FAILED, error) | advice(error)
        log.error("%s: failed, %s", self._claim.job, error, extra=line)
        telemetry.report(error, self._claim.job, self._claim.tracking_guid)
        self._go_on(ended)
        raise error from None

    def _ended(self, outcome: str, error: SyncError | None = None) -> dict[str, Any]:
        """The fields of the line that the run ends with."""
        seconds = round(time.monotonic() - self._started, 3)
        return {"outcome": outcome, "seconds": seconds} | (told(error) if error else {})


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
