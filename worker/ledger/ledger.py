"""The record of jobs in Redis: the truth that messages only wake a worker for.

Every operation is one script, so it happens whole or not at all; see the scripts for the protocol's details.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from worker.effects import Effect, Witness, nobody
from worker.jobs.errors import TriggerOff, WorkerLost
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind, Next
from worker.jobs.pages import pages
from worker.jobs.routes import QUEUE_OF
from worker.ledger.arguments import of_calls, of_consent, of_failure
from worker.ledger.batches import Batches
from worker.ledger.limits import AllStoreLimits, LedgerTimes, StoreLimits
from worker.ledger.progress import ProgressBook
from worker.ledger.reading import REFUSALS, SWITCHED_OFF, Reading
from worker.ledger.records import (
    Claim,
    ClaimLost,
    ClaimRefused,
    Ended,
    Message,
    Refusal,
    Request,
    Requested,
    Swept,
    Throttled,
    Weighed,
    Weight,
)
from worker.ledger.repair import Repairs
from worker.ledger.scripting import Scripts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

    from worker.jobs.calls import MadeCall
    from worker.jobs.catalogue import Failure
    from worker.jobs.job import Consent
    from worker.jobs.retries import Pause

PREFIX: Final = "stamped-sync:"
DAY_MS: Final = 24 * 60 * 60 * 1000
CLOCK_TOLERANCE_MS: Final = 1_000
"""How far a worker's clock may run ahead of Redis' before its retry counts as too early."""
CARRIED_GRACE_MS: Final = 15_000
"""How long after its due time the sweeper leaves a retry to the Celery message that carries it."""
LOSSES_ALLOWED: Final = 5
"""How many workers in a row may die on one job before it is failed instead of tried again."""
LOSSES_SPREAD_MS: Final = 2_000
"""How far apart jobs come back whose workers died more than once: the one that kills them then dies alone."""
REFUSALS_KEPT: Final = 10_000
PAGE: Final = 50
STORES_AT_ONCE: Final = 10
"""How many jobs, and how many stores, one script of a sweep looks at: it must keep Redis from others for some
milliseconds at most."""
NOBODY_LOOKED: Final = "-"


class Ledger(Reading):
    """The ledger's operations. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(
        self,
        client: redis.Redis,
        terms: LedgerTimes = LedgerTimes(),  # noqa: B008 - frozen
        stores: Mapping[int, StoreLimits] | None = None,
        *,
        prefix: str = PREFIX,
        worker: str = "",
        witness: Witness = nobody,
        replaced: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(client, prefix)
        self._scripts = Scripts(client, witness, replaced)
        self._stores = AllStoreLimits(stores or {})
        self._worker = json.dumps(worker)
        self._lease_ms = int(terms.lease_seconds * 1000)
        self._lost_after_ms = int(terms.lost_after_seconds * 1000)
        self._keep_done_ms = int(terms.done_days * DAY_MS)
        self._keep_failed_ms = int(terms.failed_days * DAY_MS)
        self.progress = ProgressBook(self._scripts, prefix)
        self.batches = Batches(client, prefix, self)
        self.repairs = Repairs(client, self._scripts, prefix, self._stores, self._lease_ms)

    # Asking -----------------------------------------------------------------------------------------------------------

    def request(self, job: Job, *, tracking_guid: str = "", urgent: bool = False, debug: bool = False) -> Requested:
        """Ask for one more run of a job: it is in the ledger once this returns. Send the messages that are owed."""
        return self.request_each([Request(job, tracking_guid, urgent, debug)])[0]

    def request_all(
        self, jobs: Sequence[Job], *, urgent: bool = False, debug: bool = False, background: bool = False
    ) -> list[Requested]:
        """Ask for one more run of many jobs alike, in one round trip."""
        return self.request_each([Request(job, "", urgent, debug, background) for job in jobs])

    def request_each(self, requests: Sequence[Request]) -> list[Requested]:
        """Ask for runs that differ, in one round trip."""
        calls = [([self.key(each.job)], self._request_args(each)) for each in requests]
        answers = self._scripts.run_all(Effect.REQUEST, calls)
        return [
            Requested(each.job, int(version), self._messages(sent))
            for each, (version, sent) in zip(requests, answers, strict=True)
        ]

    # Running ----------------------------------------------------------------------------------------------------------

    def claim(self, job: Job) -> Claim:
        """Take a job for this worker. Raises ClaimRefused where it is another's, or there is nothing to do."""
        token = uuid.uuid4().hex
        args = [*self._args(job), token, self._lease_ms, CLOCK_TOLERANCE_MS, self._worker]
        state, *granted = self._scripts.run(Effect.CLAIM, [self.key(job)], args)
        if state != "granted":
            raise ClaimRefused(state)
        version, attempt, tracking_guid, debug, stamped_id, covered, triggered, is_new, is_fresh, created = granted
        return Claim(
            job=job,
            token=token,
            version=int(version),
            attempt=int(attempt),
            tracking_guid=tracking_guid,
            debug=bool(debug),
            stamped_id=stamped_id or None,
            covered=json.loads(covered),
            is_triggered=bool(triggered),
            is_new=bool(is_new),
            is_fresh=bool(is_fresh),
            created=created,
        )

    def renew(self, claim: Claim, *, extra_call: str = "", writes: bool = False) -> None:
        """Hold a claim for one more call; `extra_call` names the API of one beyond what the job usually needs.

        Where a subscription job `writes`, its customer is new no more. Raises ClaimLost, and Throttled where there is
        no room for an extra call.
        """
        args = [*self._args(claim.job), claim.token, self._lease_ms, extra_call, int(writes)]
        answer = self._scripts.run(Effect.RENEW, [self.key(claim.job)], args)
        if answer == "lost":
            raise ClaimLost
        if answer == "throttled":
            raise Throttled

    # Each of these ends a claim, or raises ClaimLost. `made` are the calls that the attempt made, `consent` is what the
    # next run must know of the customer's.

    def complete(
        self,
        claim: Claim,
        made: Sequence[MadeCall],
        action: str,
        stamped_id: str | None = None,
        next_step: Next = Next.NOTHING,
        *,
        is_new: bool = False,
        shared_with: str | None = NOBODY_LOOKED,
    ) -> Ended:
        """End a job well. `shared_with`: the other customer that has its Stamped.io id, None if nobody has."""
        job = claim.job
        stamped_id = stamped_id or claim.stamped_id or ""
        outcome = claim.version, action, stamped_id, next_step, int(is_new), shared_with or ""
        args = [*self._claimed(claim, made), *outcome]
        keys = [self.key(job), self.key(job.subscription)]
        held, sent, hold_ended = self._scripts.run(Effect.COMPLETE, keys, args)
        return Ended(self._if_held(held, sent), bool(hold_ended))

    def defer(
        self,
        claim: Claim,
        made: Sequence[MadeCall],
        rest_seconds: float,
        failure: Failure,
        *,
        carried: bool,
        costs_attempt: bool = True,
        consent: Consent | None = None,
    ) -> Ended:
        """Let a job rest until a retry is due. `carried`: a Celery retry brings it back.

        One that was asked for by hand meanwhile does not rest: it runs again at once.
        """
        grace_ms = CARRIED_GRACE_MS if carried else 0
        rest: list[str | int] = [int(rest_seconds * 1000), *of_failure(failure), grace_ms, int(costs_attempt)]
        args = [*self._claimed(claim, made), *rest, *of_consent(consent)]
        answer = self._scripts.run(Effect.DEFER, [self.key(claim.job)], args)
        held, sent, hold_ended, runs_again = answer
        return Ended(self._if_held(held, sent), bool(hold_ended), runs_again=bool(runs_again))

    def put_back(self, claim: Claim, made: Sequence[MadeCall], *, consent: Consent | None = None) -> Ended:
        """Put a job that has no slot for another call back to its place in its store's queue."""
        args = [*self._claimed(claim, made), *of_consent(consent)]
        held, sent = self._scripts.run(Effect.PUT_BACK, [self.key(claim.job)], args)
        return Ended(self._if_held(held, sent))

    def hold(
        self,
        claim: Claim,
        made: Sequence[MadeCall],
        failure: Failure,
        pause: Pause,
        held_for: Failure | None = None,
        *,
        consent: Consent | None = None,
    ) -> Weighed:
        """Weigh trouble of the whole store, which the last call met: it may be held, for `held_for`.

        The job then waits for its turn again; else the claim goes on, and the answer says what the job must do.
        """
        *well, last = made
        calls = [*well, replace(last, intent=Intent.STORES)]
        args = [
            *(*self._claimed(claim, calls), *of_failure(failure), *of_failure(held_for or failure)),
            *(int(pause.seconds * 1000), int(pause.longest_seconds * 1000)),
            *(pause.strikes, int(pause.can_be_the_jobs), *of_consent(consent)),
        ]
        weight, sent, began, met, hold_ended = self._scripts.run(Effect.HOLD, [self.key(claim.job)], args)
        messages = self._if_held(weight != "lost", sent)
        return Weighed(Weight(weight), messages, hold_began=bool(began), hold_ended=bool(hold_ended), met=int(met))

    def fail(self, claim: Claim, made: Sequence[MadeCall], failure: Failure) -> Ended:
        """End a job badly; a newer request reopens it at once."""
        args = [*self._claimed(claim, made), claim.version, *of_failure(failure), failure.http_status or 0]
        held, sent, hold_ended, runs_again, is_news = self._scripts.run(Effect.FAIL, [self.key(claim.job)], args)
        messages = self._if_held(held, sent)
        return Ended(messages, bool(hold_ended), runs_again=bool(runs_again), is_news=bool(is_news))

    # Stores -----------------------------------------------------------------------------------------------------------

    def admit(self, system_id: int) -> tuple[tuple[Message, ...], float | None]:
        """Let jobs of a store run that may: their messages are owed.

        Answers also the seconds until it is worth asking again; None if time alone lets no job run.
        """
        sent, wait_ms = self._scripts.run(Effect.ADMIT, [], [self._prefix, system_id, self._stores.of(system_id)])
        return self._messages(sent), (wait_ms / 1000 if wait_ms >= 0 else None)

    def book(self, system_id: int, api: str, call_seconds: float) -> bool:
        """Take a slot for a call of no job, which ends within `call_seconds`; False if there is none now."""
        args: list[str | int] = [self._prefix, system_id, self._stores.of(system_id), api, int(call_seconds * 1000)]
        return bool(self._scripts.run(Effect.BOOK, [], args))

    def release(self, system_id: int) -> bool:
        """End the hold of a store; False if it is not held."""
        return bool(self._scripts.run(Effect.RELEASE, [], [self._prefix, system_id]))

    # Upkeep -----------------------------------------------------------------------------------------------------------

    def is_due(self, name: str, every_seconds: float) -> bool:
        """Whether something that any worker does every so often is due; whoever is told so does it."""
        args: list[str | int] = [name, int(every_seconds * 1000)]
        return bool(self._scripts.run(Effect.IS_DUE, [f"{self._prefix}done-at"], args))

    def sweep(self, kind: Kind, limit: int = PAGE) -> Swept:
        """Bring the jobs of a kind back that nobody would run, of some stores at a time; `admit` sends them.

        At most `limit` jobs of those stores, and their number in `Swept.most` says whether there may be more.
        """
        swept = Swept()
        for systems in pages(sorted({*self.systems(), *self._stores.systems}), STORES_AT_ONCE):
            swept += self._sweep(kind, limit, systems)
        return swept

    def _sweep(self, kind: Kind, limit: int, systems: Sequence[int]) -> Swept:
        args: list[str | int] = [
            *(self._prefix, kind, self._stores.of_some(systems), limit, self._lost_after_ms, LOSSES_ALLOWED),
            *of_failure(WorkerLost().failure),
            *(self._keep_failed_ms, self._keep_done_ms, LOSSES_SPREAD_MS, self._lease_ms),
            *systems,
        ]
        due, dead, lost, failed, used, strays, mended = self._scripts.run(Effect.SWEEP, [QUEUE_OF[kind]], args)
        jobs = tuple(self.job_of(kind, member) for member in failed)
        return Swept(due, dead, lost, jobs, most=used, strays=strays, mended=mended)

    def retry_failed(self, kind: Kind, for_days: float) -> int:
        """Reopen the failed jobs of a kind whose first failure is no older than that; `admit` sends them. How many."""
        return sum(self._retry_failed(kind, for_days, system_id) for system_id in self.systems())

    def discard(self, job: Job) -> bool:
        """Forget a failed job; False if it is not failed."""
        return bool(self.discard_all([job]))

    def discard_all(self, jobs: Sequence[Job]) -> int:
        """Forget those of many jobs that are failed, in one round trip; how many that were."""
        calls = [([self.key(job)], [self._prefix, job.kind, self.member(job)]) for job in jobs]
        return sum(map(int, self._scripts.run_all(Effect.DISCARD, calls)))

    def refuse(self, refusal: Refusal) -> None:
        """Note a notification that was not accepted; those of switched-off triggers never push the others out."""
        noted = {name: value for name, value in asdict(refusal).items() if name != "at"}
        if not (refusal.trigger_id and refusal.position):  # nothing tells two of them apart, and none is the other
            noted["id"] = uuid.uuid4().hex
        key = self._prefix + (SWITCHED_OFF if refusal.code == TriggerOff.entry.code else REFUSALS)
        self._scripts.run(
            Effect.REFUSE, [key, f"{self._prefix}totals"], [json.dumps(noted), REFUSALS_KEPT, refusal.code]
        )

    def _retry_failed(self, kind: Kind, for_days: float, system_id: int) -> int:
        skipped, count = 0, 0
        while True:
            args: list[str | int] = [self._prefix, kind, PAGE, int(for_days * DAY_MS), skipped, system_id]
            still_failed, reopened, stray = map(int, self._scripts.run(Effect.RETRY_FAILED, [], args))
            skipped += still_failed
            count += reopened
            if still_failed + reopened + stray < PAGE:
                return count

    # Arguments --------------------------------------------------------------------------------------------------------

    def _args(self, job: Job) -> list[str | int]:
        return [self._prefix, job.kind, self.member(job), self._stores.of(job.system_id)]

    def _request_args(self, request: Request) -> list[str | int]:
        tracking_guid = request.tracking_guid or str(uuid.uuid4())
        return [*self._args(request.job), tracking_guid, request.by, int(request.debug)]

    def _claimed(self, claim: Claim, made: Sequence[MadeCall]) -> list[str | int]:
        return [*self._args(claim.job), claim.token, of_calls(made)]

    def _if_held(self, held: Any, sent: list[str]) -> tuple[Message, ...]:
        if not held:
            raise ClaimLost
        return self._messages(sent)

    def _messages(self, sent: list[str]) -> tuple[Message, ...]:
        return tuple(map(self._message, sent))

    def _message(self, sent: str) -> Message:
        kind, system_id, customer_id, *front = sent.split(":")
        return Message(Job(Kind(kind), int(system_id), customer_id), bool(front))
