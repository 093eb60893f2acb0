"""Runs a job: claims it, hands the use case what it needs, and settles the outcome in the ledger."""

from __future__ import annotations

import inspect
import logging
import time
import traceback
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from celery import Task

from tasks.coming_again import REQUESTED, THROTTLED, TURN, UNKNOWN, ComesAgain, after
from tasks.other_keys import was_met_by_old_keys
from tasks.refusals import refuse_message
from worker.app import app
from worker.http.api_errors import HELD_FOR
from worker.jobs.calls import note_meaning
from worker.jobs.errors import ConnectionUnknown, CustomerIdInvalid, InternalError, SyncError, TriggerMalformed
from worker.jobs.intents import Intent, Trouble
from worker.jobs.job import Job
from worker.jobs.retries import LEAST_REST_SECONDS, Pause, Retry, decide, outlasted
from worker.jobs.routes import QUEUE_OF, UPKEEP
from worker.ledger import ClaimLost, ClaimRefused, LedgerUnavailable, Throttled, Weight
from worker.ledger.guard import carrying
from worker.telemetry import outcomes, sentry
from worker.telemetry.logs import Attempt, running
from worker.telemetry.outcomes import announce

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.connections import Connection
    from worker.ipaas.client import IPaaS
    from worker.jobs.job import Consent, Kind
    from worker.ledger import Claim, Ended, Weighed
    from worker.runtime import Apis, Runtime
    from worker.stamped.client import Stamped
    from worker.sync.reconcile import Reconciled
    from worker.sync.transfer import Transferred

    Done = Transferred | Reconciled
    Work = Callable[["Given"], Done]
    """Does a claimed job and returns its result."""

log = logging.getLogger(__name__)

UNDONE = frozenset({Trouble.LIMITED, Trouble.CREDENTIALS})
"""Trouble after which the API certainly did not do the call, so a customer that was new before it is still new."""


class RefusingTask(Task[..., Any]):
    """A task that refuses messages with wrong arguments. All our tasks do, because anybody can send a message."""

    abstract = True
    Request = "tasks.telling:Told"
    send_events = False
    """Our requests send the events themselves."""
    throws: tuple[type[Exception], ...] = (TriggerMalformed, CustomerIdInvalid, ConnectionUnknown)
    """Celery does not log these with a trace: they are refusals, which are logged and noted here."""

    @cached_property
    def takes(self) -> inspect.Signature:
        """The arguments that it takes."""
        return inspect.signature(self.run)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the message. Raises TriggerMalformed if its arguments are wrong, and what the task raises."""
        try:
            self.takes.bind(*args, **kwargs)
        except TypeError:
            named = ", ".join(self.takes.parameters) or "nothing"
            error = TriggerMalformed(f"the message does not hold what the task takes: {named}")
            refuse_message(error, self.name)
            raise error from None
        return super().__call__(*args, **kwargs)


class JobTask(RefusingTask):
    """A task that runs one job of the ledger.

    Its message may come never, once or twice; the claim decides whether this one runs the job. Trouble of the whole
    store can hold the store. An error that may pass is tried again, within a minute as a Celery retry, later from the
    ledger. Any other error ends the job.
    """

    abstract = True
    max_retries = None
    Request = "tasks.carrying:WakeUp"
    throws = (SyncError,)
    """Celery does not log these with a trace: they are logged and reported here."""

    def run_job(self, kind: Kind, system_id: object, customer_id: object, work: Work) -> dict[str, Any]:
        """Run the job that a message names, if it can be claimed. Raises if it names none, and what ends the run."""
        runtime = app.runtime
        try:
            job = Job.read(kind, system_id, customer_id)
        except SyncError as error:
            refuse_message(error, self.name, system_id, customer_id)
            raise
        # Before the claim: the lease begins in Redis, before its answer arrives here. If it were counted from then, it
        # would seem to last longer than it does, and a write could come after its end.
        asked_at = runtime.clock()
        try:
            claim, asked_at = carrying.get().begin(job) or (runtime.ledger.claim(job), asked_at)
        except ClaimRefused as refused:
            return self._left(job, refused, runtime)
        except LedgerUnavailable as error:
            announce(outcomes.NOT_BEGUN, job, error=error)
            raise
        # Anew: the claim answers for all that was asked until now, also for a configuration that has come meanwhile.
        runtime = app.runtime
        claim = replace(claim, fingerprint=runtime.connections.fingerprint)
        attempt = Attempt(job, self.request.id or "", claim.tracking_guid, claim.debug, claim.attempt + 1)
        token = running.set(attempt)
        try:
            return _Run(self, runtime, claim, attempt, asked_at).do(work)
        except Exception:
            sentry.tag(job, claim.tracking_guid)
            raise
        finally:
            running.reset(token)

    def _left(self, job: Job, refused: ClaimRefused, runtime: Runtime) -> dict[str, Any]:
        """Leave alone a job that can't be claimed. Raises ConnectionUnknown if its connection is not configured."""
        if refused.is_unknown and job.system_id not in runtime.clients:
            error = ConnectionUnknown(str(job.system_id))
            refuse_message(error, self.name, job.system_id, job.customer_id)
            raise error
        log.debug("%s: nothing to do, it is %s", job, refused.state)
        if again := ComesAgain.left(job, refused.state, runtime):
            raise again from None
        return {"job": str(job), "state": refused.state}


@dataclass(frozen=True, slots=True)
class Given:
    """What a use case needs to do one claimed job."""

    claim: Claim
    connection: Connection
    source: IPaaS
    store: Stamped
    consent: Consent


class _Run:
    """One run of a claimed job."""

    def __init__(self, task: JobTask, runtime: Runtime, claim: Claim, attempt: Attempt, asked_at: float) -> None:
        self._task = task
        self._runtime = runtime
        self._ledger = runtime.ledger
        self._claim = claim
        self._job = claim.job
        self._calls = attempt.calls
        self._guard = runtime.guard(claim, asked_at)
        self._started = time.monotonic()
        self._carrying = carrying.get()
        self._apis: Apis | None = None

    def do(self, work: Work) -> dict[str, Any]:
        """Do the work and settle its outcome. Raises Celery's Retry, or the error that ends the job."""
        log.info("%s: attempt %d", self._job, self._claim.attempt + 1)
        try:
            return self._do(work)
        except ClaimLost:
            self._announce(outcomes.LOST)
            raise ComesAgain.taken_over(self._job) from None
        except LedgerUnavailable as error:
            self._announce(outcomes.BROKEN_OFF, error=error)
            raise

    def _do(self, work: Work) -> dict[str, Any]:
        try:
            return self._complete(work(self._given()))
        except ConnectionUnknown as error:
            self._leave(error)
        except Throttled:
            self._put_back()
        except (ClaimLost, LedgerUnavailable):
            raise
        except SyncError as error:
            return self._settle(error)
        except Exception as error:  # noqa: BLE001 - it is reported, as our own fault
            # Not log.exception: its text can hold anything, so the trace alone is logged.
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s: a fault of this software\n%s", self._job, trace)  # noqa: TRY400
            return self._settle(InternalError.of(error))

    def _given(self) -> Given:
        connection = self._runtime.connection(self._job.system_id)
        self._apis = self._runtime.apis(self._claim, self._guard)
        return Given(self._claim, connection, *self._apis, self._guard.consent)

    # How it ends ------------------------------------------------------------------------------------------------------

    def _complete(self, done: Done) -> dict[str, Any]:
        job, action = self._job, done.action
        # The ledger first, the log after it: if the claim is lost, the other worker reports how the job ends.
        args = action, done.stamped_id, done.next_step
        carry_on = self._carrying.ask()
        self._go_on(self._ledger.complete(self._claim, self._calls, *args, **done.facts, carry_on=carry_on))
        seconds = round(time.monotonic() - self._started, 3)
        announce(outcomes.DONE, job, action, seconds, outcome=action, seconds=seconds)
        return {"job": str(job), "state": "done", "action": action}

    def _leave(self, error: ConnectionUnknown) -> NoReturn:
        """Leave the job to a worker that knows its connection: this one may not know it yet, or not any more."""
        self._ledger.leave(self._claim)
        announce(outcomes.LEFT, self._job, self._job.system_id, job=self._job)
        raise ComesAgain.queued(self._job, self._ledger, UNKNOWN, error.failure) from None

    def _put_back(self) -> NoReturn:
        self._ledger.put_back(self._claim, self._calls, consent=self._guard.consent)
        self._announce(outcomes.THROTTLED)
        raise ComesAgain.queued(self._job, self._ledger, THROTTLED) from None

    def _settle(self, error: SyncError) -> dict[str, Any]:
        """Settle what follows an error: the store is held, the job rests, or it fails."""
        attempt, policy = self._claim.attempt, self._runtime.policy
        # First of all, as everything below goes by the intent: an API that accepts calls and never does them is down.
        if outlasted(error, attempt):
            error.intent, error.trouble = Intent.STORES, Trouble.UNAVAILABLE
        if error.trouble in UNDONE:
            self._guard.consent.is_new |= self._claim.is_new
        if was_met_by_old_keys(error, self._job.system_id, self._runtime, self._apis, self._calls):
            return self._rest(error, Retry(LEAST_REST_SECONDS, costs_attempt=False))
        # Before the ledger gets the calls: those that were answered well prove that the API works, and can end a hold.
        if self._calls and error.intent is not Intent.CUSTOMERS:
            note_meaning(self._calls, error.intent)
        decision = decide(error, attempt, policy, None if self._calls else 0)
        if isinstance(decision, Pause):
            weighed = self._hold(error, decision)
            if weighed.is_requeued:
                self._announce(outcomes.HELD, error=error)
                raise ComesAgain.queued(self._job, self._ledger, TURN, error.failure) from None
            decision = decide(error, attempt, policy, weighed.met if weighed.weight is Weight.RESTS else 0)
        return self._rest(error, decision) if isinstance(decision, Retry) else self._fail(error)

    def _hold(self, error: SyncError, pause: Pause) -> Weighed:
        """Let the ledger weigh trouble of the whole store: it may hold the store, or let only this job rest."""
        held_for = HELD_FOR[self._calls[-1].api].of_hold(error)
        weighed = self._ledger.hold(
            self._claim, self._calls, error.failure, pause, held_for.failure, consent=self._guard.consent
        )
        self._note_hold(weighed)
        if weighed.hold_began:
            self._announce(outcomes.HOLD_BEGAN, self._job.system_id, error=held_for)
        return weighed

    def _rest(self, error: SyncError, rest: Retry) -> dict[str, Any]:
        ended = self._ledger.defer(
            self._claim,
            self._calls,
            rest.seconds,
            error.failure,
            carried=rest.is_short,
            costs_attempt=rest.costs_attempt,
            consent=self._guard.consent,
            carry_on=self._carrying.ask(),
        )
        self._go_on(ended)
        if ended.is_requeued:
            self._requeued(error)
        self._announce(outcomes.WAITING, self._job, rest.seconds, error=error)
        if rest.is_short:
            queue = UPKEEP if self._claim.debug else QUEUE_OF[self._job.kind]
            # `from None`: what the error came from can hold anything, and Flower shows the whole chain.
            raise self._task.retry(exc=error, countdown=rest.seconds, queue=queue, throw=False) from None
        raise ComesAgain.resting(self._job, after(rest.seconds), error.failure) from None

    def _fail(self, error: SyncError) -> dict[str, Any]:
        ended = self._ledger.fail(self._claim, self._calls, error.failure, carry_on=self._carrying.ask())
        self._go_on(ended)
        if ended.is_requeued:
            self._requeued(error)
        self._announce(outcomes.FAILED if ended.is_news else outcomes.FAILED_AGAIN, error=error)
        raise error from None

    def _requeued(self, error: SyncError) -> NoReturn:
        """End a run that failed while its job was requested: the job has not failed, it waits for its turn again."""
        self._announce(outcomes.REQUEUED, error=error)
        raise ComesAgain.queued(self._job, self._ledger, REQUESTED, error.failure) from None

    def _go_on(self, ended: Ended) -> None:
        self._carrying.next_claim = ended.next_claim
        self._note_hold(ended)

    def _note_hold(self, ended: Ended | Weighed) -> None:
        if ended.hold_ended:
            announce(outcomes.HOLD_ENDED, self._job.system_id)

    def _announce(self, outcome: outcomes.Outcome, *args: object, error: SyncError | None = None) -> None:
        """Report how the run ended. `args` fill the outcome's text; it is about the job if there are none."""
        seconds = round(time.monotonic() - self._started, 3)
        announce(outcome, *(args or (self._job,)), error=error, job=self._job, seconds=seconds)
