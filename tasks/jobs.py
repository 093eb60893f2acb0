"""The life of one job in a task: claim, do, settle. Retry, report and log live here, once."""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tasks.messages import send
from tasks.refusals import RefusingTask, refuse_message
from worker.app import app
from worker.http.api_errors import HELD_FOR
from worker.jobs import retries
from worker.jobs.errors import InternalError, SyncError, error_fields, error_help
from worker.jobs.intents import Intent, Trouble
from worker.jobs.job import Job
from worker.jobs.routes import queue_of
from worker.ledger import Claim, ClaimLost, ClaimRefused, Ended, LedgerUnavailable, Throttled, Weight
from worker.telemetry import sentry
from worker.telemetry.logs import Attempt, logged_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.job import Kind
    from worker.jobs.retries import Pause
    from worker.ledger import Weighed
    from worker.ledger.guard import Guard
    from worker.sync.reconcile import Reconciled
    from worker.sync.transfer import Transferred

    Work = Callable[[Claim, Guard], Transferred | Reconciled]
    """Does a claimed job: answers what it came to."""

log = logging.getLogger(__name__)

UNDONE = frozenset({Trouble.LIMITED, Trouble.CREDENTIALS})
"""What an API answers that has not done what it was asked to, for certain: whoever was new before the call still is."""


class JobTask(RefusingTask):
    """A task that runs one job of the ledger.

    The message may come never, once or twice: the claim decides. A failure that is the whole store's holds the store;
    one that passes is tried again, in seconds as a Celery retry, later from the ledger; any other ends the job.
    """

    abstract = True
    max_retries = None
    throws = (SyncError,)
    """Celery need not log these: they are logged and reported here."""

    def carry(self, kind: Kind, system_id: object, customer_id: object, work: Work) -> dict[str, Any]:
        """Run the job that a message names, if it can be claimed. Raises what it names wrongly, which is refused."""
        try:
            job = Job.read(kind, system_id, customer_id)
        except SyncError as error:
            refuse_message(error, self.name, system_id, customer_id)
            raise
        return self._carry(job, work)

    def _carry(self, job: Job, work: Work) -> dict[str, Any]:
        asked_at = app.runtime.clock()
        try:
            claim = app.runtime.ledger.claim(job)
        except ClaimRefused as refused:
            if refused.is_unknown:
                self._refuse_unknown(job)
            log.debug("%s: nothing to do, it is %s", job, refused.state)
            return {"job": str(job), "state": refused.state}
        except LedgerUnavailable as error:
            log.error("%s: not begun, %s", job, error, extra=error_fields(error) | error_help(error))  # noqa: TRY400 - it says all
            raise
        attempt = Attempt(job, self.request.id or "", claim.tracking_guid, claim.debug, claim.attempt + 1)
        with logged_as(attempt):
            sentry.tag(job, claim.tracking_guid)
            run = _Run(self, claim, attempt, asked_at)
            try:
                return run.do(work)
            except ClaimLost:
                return run.lose()
            except LedgerUnavailable as error:
                run.break_off(error)
                raise

    def _refuse_unknown(self, job: Job) -> None:
        """Refuse a message for a job that is not in the ledger, of no connection. Raises ConnectionUnknown."""
        try:
            app.runtime.connection(job.system_id)
        except SyncError as error:
            refuse_message(error, self.name, job.system_id, job.customer_id)
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
            return self._put_back()
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
        ended = self._ended("broken off", error) | error_help(error)
        log.error("%s: broken off, %s", self._claim.job, error, extra=ended)
        sentry.report(error, self._claim.job, self._claim.tracking_guid, outcome="broken off")

    def _put_back(self) -> dict[str, Any]:
        self._go_on(app.runtime.ledger.put_back(self._claim, self._made, consent=self._guard.consent))
        log.info("%s: waits for room in the store's throttle", self._claim.job, extra=self._ended("throttled"))
        return self._queued()

    def _complete(self, done: Transferred | Reconciled) -> dict[str, Any]:
        job, action = self._claim.job, done.action
        ended = app.runtime.ledger.complete(
            self._claim, self._made, action, done.stamped_id, done.next_step, **done.facts
        )
        self._go_on(ended)
        line = self._ended(action)
        log.info("%s: %s in %.3f s", job, action, line["seconds"], extra=line)
        return {"job": str(job), "state": "done", "action": action}

    def _go_on(self, ended: Ended | Weighed) -> None:
        send(ended.messages)
        if ended.hold_ended:
            system_id = self._claim.job.system_id
            log.warning("connection %d: no longer held", system_id, extra={"outcome": "hold ended"})

    def _settle(self, error: SyncError) -> dict[str, Any]:
        """Settle what follows an error: a hold of its store, a rest, or the end. Its intent alone decides."""
        if retries.outlasted(error, self._claim.attempt):  # as would meet anybody, if nobody else gets through
            error.intent, error.trouble = Intent.STORES, Trouble.UNAVAILABLE
        if self._made and error.intent is not Intent.CUSTOMERS:
            self._mark(error.intent)
        if error.trouble in UNDONE:
            self._guard.consent.is_new |= self._claim.is_new
        pause = retries.pause(error, app.runtime.holds)
        if pause and self._made:
            weighed = self._weigh(error, pause)
            if weighed.is_requeued:
                return self._queued(error)
            if weighed.weight is Weight.RESTS:
                rest = retries.weathered(error, weighed.met, app.runtime.holds.longest_seconds)
                return self._rest(error, rest.seconds, costs_attempt=False)
        tried_again = retries.rest(error, self._claim.attempt, app.runtime.schedule)
        return self._rest(error, tried_again.seconds) if tried_again else self._fail(error)

    def _mark(self, intent: Intent) -> None:
        """Note what the last call meant: whoever asked knows better than the first look at its answer.

        Where it was the whole store's, each 404 of that API right before it was, too: an API that is away knows nobody.
        """
        api = self._made[-1].api
        mine = [place for place, call in enumerate(self._made) if call.api == api]
        while mine:
            place = mine.pop()
            self._made[place] = replace(self._made[place], intent=intent)
            if intent is not Intent.STORES or not mine or not self._made[mine[-1]].is_missing:
                return

    def _weigh(self, error: SyncError, pause: Pause) -> Weighed:
        """What the trouble of a whole store means for the job; the store may be held for it."""
        job, held_for = self._claim.job, HELD_FOR[self._made[-1].api].of_hold(error)
        weighed = app.runtime.ledger.hold(
            self._claim, self._made, error.failure, pause, held_for.failure, consent=self._guard.consent
        )
        self._go_on(weighed)
        if weighed.hold_began:
            began = self._ended(sentry.HOLD, held_for) | error_help(held_for)
            log.error("connection %d: held, %s", job.system_id, held_for, extra=began)
            sentry.report(held_for, job, self._claim.tracking_guid, outcome=sentry.HOLD)
        if weighed.is_requeued:
            log.info("%s: waits for its turn again, %s", job, error.entry.code, extra=self._ended("held", error))
        return weighed

    def _rest(self, error: SyncError, seconds: float, *, costs_attempt: bool = True) -> dict[str, Any]:
        job, is_short = self._claim.job, seconds <= retries.SHORT_REST_SECONDS
        ended = app.runtime.ledger.defer(
            self._claim,
            self._made,
            seconds,
            error.failure,
            carried=is_short,
            costs_attempt=costs_attempt,
            consent=self._guard.consent,
        )
        self._go_on(ended)
        if ended.runs_again:
            return self._run_again(error)
        log.warning("%s: tried again in %.0f s, %s", job, seconds, error, extra=self._ended("waiting", error))
        if is_short:
            raise self._task.retry(exc=error, countdown=seconds, queue=queue_of(job.kind, to_front=self._claim.debug))
        return {"job": str(job), "state": "waiting", "code": error.entry.code}

    def _fail(self, error: SyncError) -> dict[str, Any]:
        ended = app.runtime.ledger.fail(self._claim, self._made, error.failure)
        if ended.runs_again:
            self._go_on(ended)
            return self._run_again(error)
        line = self._ended(sentry.FAILED, error) | error_help(error)
        if ended.is_news:
            log.error("%s: failed, %s", self._claim.job, error, extra=line)
            sentry.report(error, self._claim.job, self._claim.tracking_guid)
        else:
            log.warning("%s: failed again, %s", self._claim.job, error, extra=line)
        self._go_on(ended)
        raise error from None

    def _run_again(self, error: SyncError) -> dict[str, Any]:
        """Tell that a run has failed whose job was asked for once more meanwhile: nothing has failed for good."""
        log.warning("%s: runs again at once, %s", self._claim.job, error, extra=self._ended("queued", error))
        return self._queued(error)

    def _queued(self, error: SyncError | None = None) -> dict[str, Any]:
        return {"job": str(self._claim.job), "state": "queued"} | ({"code": error.entry.code} if error else {})

    def _ended(self, outcome: str, error: SyncError | None = None) -> dict[str, Any]:
        """The fields of the line that the run ends with."""
        seconds = round(time.monotonic() - self._started, 3)
        return {"outcome": outcome, "seconds": seconds} | (error_fields(error) if error else {})


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
