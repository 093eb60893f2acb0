"""The record of jobs in Redis: the truth that messages only wake a worker for.

Every operation is one script, so it happens whole or not at all; see the scripts for the protocol's details.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any

from worker.effects import Effect, Witness, nobody
from worker.errors import Failure, TriggerOff, WorkerLost
from worker.job import Job, Kind, Next
from worker.ledger.batches import Batches
from worker.ledger.progress import ProgressBook
from worker.ledger.reading import REFUSALS, SWITCHED_OFF, Reading
from worker.ledger.records import (
    Claim,
    ClaimLost,
    ClaimRefused,
    Ended,
    Held,
    Message,
    Refusal,
    Request,
    Requested,
    Swept,
    Throttled,
)
from worker.ledger.scripting import Scripts
from worker.ledger.terms import StoresTerms, StoreTerms, Terms
from worker.queues import QUEUE_OF
from worker.retries import Pause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

    from worker.calls import MadeCall

PREFIX = "stamped-sync:"
DAY_MS = 24 * 60 * 60 * 1000
CLOCK_TOLERANCE_MS = 1_000
"""How far a worker's clock may run ahead of Redis' before its retry counts as too early."""
CARRIED_GRACE_MS = 15_000
"""How long after its due time the sweeper leaves a retry to the Celery message that carries it."""
LOSSES_ALLOWED = 5
"""How many workers in a row may die on one job before it is failed instead of tried again."""
LOSSES_SPREAD_MS = 2_000
"""How far apart jobs come back whose workers died more than once: the one that kills them then dies alone."""
REFUSALS_KEPT = 10_000
PAGE = 500
NO_PAUSE = Pause(0, 0)

Calls = dict[str, int]
"""How many calls a job made of each API."""


class Ledger(Reading):
    """The ledger's operations. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(
        self,
        client: redis.Redis,
        terms: Terms = Terms(),  # noqa: B008 - frozen
        stores: Mapping[int, StoreTerms] | None = None,
        *,
        prefix: str = PREFIX,
        worker: str = "",
        witness: Witness = nobody,
        replaced: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(client, prefix)
        self._scripts = Scripts(client, witness, replaced)
        self.progress = ProgressBook(self._scripts, prefix)
        self.batches = Batches(client, prefix, self)
        self._worker = worker
        self._stores = StoresTerms(stores or {})
        self._lease_ms = int(terms.lease_seconds * 1000)
        self._lost_after_ms = int(terms.lost_after_seconds * 1000)
        self._keep_done_ms = int(terms.done_days * DAY_MS)
        self._keep_failed_ms = int(terms.failed_days * DAY_MS)

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

    def claim(self, job: Job) -> Claim:
        """Take a job for this worker. Raises ClaimRefused where it is another's, or there is nothing to do."""
        token = uuid.uuid4().hex
        args = [*self._args(job), token, self._lease_ms, CLOCK_TOLERANCE_MS, self._worker]
        state, *granted = self._scripts.run(Effect.CLAIM, [self.key(job)], args)
        if state != "granted":
            raise ClaimRefused(state)
        version, attempt, tracking_guid, debug, stamped_id, covered = granted
        return Claim(
            job, token, int(version), int(attempt), tracking_guid, bool(debug), stamped_id or None, json.loads(covered)
        )

    def renew(self, claim: Claim, *, extra_call: str = "") -> None:
        """Hold a claim for one more call; `extra_call` names the API of one beyond what the job usually needs.

        Raises ClaimLost, and Throttled where there is no room for an extra call.
        """
        args = [*self._args(claim.job), claim.token, self._lease_ms, extra_call]
        answer = self._scripts.run(Effect.RENEW, [self.key(claim.job)], args)
        if answer == "lost":
            raise ClaimLost
        if answer == "throttled":
            raise Throttled

    # Each of these ends a claim: `calls` is how many of each API it made, `made` the calls themselves, for its history.

    def complete(
        self,
        claim: Claim,
        calls: Calls,
        action: str,
        stamped_id: str | None = None,
        next_step: Next = Next.NOTHING,
        *,
        made: Sequence[MadeCall] = (),
    ) -> Ended:
        """End a job well. Raises ClaimLost."""
        job = claim.job
        held, sent, hold_ended = self._scripts.run(
            Effect.COMPLETE,
            [self.key(job), self.key(job.subscription)],
            [
                *self._claimed(claim, calls),
                claim.version,
                action,
                stamped_id or claim.stamped_id or "",
                self._keep_done_ms,
                _json_of(made),
                next_step,
            ],
        )
        return Ended(self._if_held(held, sent), bool(hold_ended))

    def defer(
        self,
        claim: Claim,
        calls: Calls,
        rest_seconds: float,
        failure: Failure,
        *,
        carried: bool,
        made: Sequence[MadeCall] = (),
    ) -> Ended:
        """Let a job rest until a retry is due. `carried`: a Celery retry brings it back. Raises ClaimLost.

        One that was asked for by hand meanwhile does not rest: it runs again at once.
        """
        grace_ms = CARRIED_GRACE_MS if carried else 0
        args = [*self._claimed(claim, calls), int(rest_seconds * 1000), _json(failure), grace_ms, _json_of(made)]
        held, sent, runs_again = self._scripts.run(Effect.DEFER, [self.key(claim.job)], args)
        return Ended(self._if_held(held, sent), runs_again=bool(runs_again))

    def wait_for_slot(self, claim: Claim, calls: Calls, *, made: Sequence[MadeCall] = ()) -> Held:
        """Put a job that has no slot for another call back to its place in its store's queue. Raises ClaimLost."""
        return self._put_back(claim, calls, made, ["", ""], NO_PAUSE)

    def hold(
        self,
        claim: Claim,
        calls: Calls,
        failure: Failure,
        pause: Pause,
        api: str = "stamped",
        *,
        made: Sequence[MadeCall] = (),
    ) -> Held:
        """Spare a job the attempt: it waits for its turn again, and the store is held for what `api` answered.

        Raises ClaimLost.
        """
        return self._put_back(claim, calls, made, [_json(failure), api], pause)

    def _put_back(
        self, claim: Claim, calls: Calls, made: Sequence[MadeCall], error_and_api: list[str], pause: Pause
    ) -> Held:
        spared, sent, began = self._scripts.run(
            Effect.HOLD,
            [self.key(claim.job)],
            [
                *self._claimed(claim, calls),
                *error_and_api,
                int(pause.seconds * 1000),
                int(pause.longest_seconds * 1000),
                pause.strikes,
                pause.spares,
                pause.begins,
                _json_of(made),
            ],
        )
        return Held(spared == 1, self._if_held(spared != -1, sent), bool(began))

    def fail(
        self, claim: Claim, calls: Calls, failure: Failure, *, proves: bool = False, made: Sequence[MadeCall] = ()
    ) -> Ended:
        """End a job badly; a newer trigger reopens it at once. `proves`: the error is the job's own, its store works.

        Raises ClaimLost.
        """
        args = [*self._claimed(claim, calls), claim.version, _json(failure), self._keep_failed_ms]
        args += [int(proves), _json_of(made)]
        held, sent, hold_ended = self._scripts.run(Effect.FAIL, [self.key(claim.job)], args)
        return Ended(self._if_held(held, sent), bool(hold_ended))

    def admit(self, system_id: int) -> tuple[tuple[Message, ...], float | None]:
        """Let jobs of a store run that may: their messages are owed.

        Answers also the seconds until it is worth asking again; None where time alone lets no job run.
        """
        sent, wait_ms = self._scripts.run(Effect.ADMIT, [], [self._prefix, system_id, self._stores.of(system_id)])
        return self._messages(sent), (wait_ms / 1000 if wait_ms >= 0 else None)

    def book(self, system_id: int, api: str, call_seconds: float) -> bool:
        """Take a slot for a call of no job, which ends within `call_seconds`; False where there is none now."""
        args: list[str | int] = [self._prefix, system_id, self._stores.of(system_id), api, int(call_seconds * 1000)]
        return bool(self._scripts.run(Effect.BOOK, [], args))

    def release(self, system_id: int) -> bool:
        """End the hold of a store; False where it is not held."""
        return bool(self._scripts.run(Effect.RELEASE, [], [self._prefix, system_id]))

    def sweep(self, kind: Kind, limit: int = PAGE) -> Swept:
        """Bring the jobs of a kind back that nobody would run, at most `limit` of each sort; `admit` sends them."""
        found = self._scripts.run(
            Effect.SWEEP,
            [QUEUE_OF[kind]],
            [
                self._prefix,
                kind,
                self._stores.all,
                limit,
                self._lost_after_ms,
                LOSSES_ALLOWED,
                _json(WorkerLost().failure),
                self._keep_failed_ms,
                self._keep_done_ms,
                LOSSES_SPREAD_MS,
            ],
        )
        due, dead, lost, failed = found
        return Swept(due, dead, lost, tuple(self.job_of(kind, member) for member in failed))

    def retry_failed(self, kind: Kind, for_days: float) -> int:
        """Reopen the failed jobs of a kind whose first failure is no older than that; `admit` sends them. How many."""
        return sum(self._retry_failed(kind, for_days, system_id) for system_id in self.systems())

    def discard(self, job: Job) -> bool:
        """Forget a failed job; False where it is not failed."""
        return bool(self.discard_all([job]))

    def discard_all(self, jobs: Sequence[Job]) -> int:
        """Forget those of many jobs that are failed, in one round trip; how many that were."""
        calls = [([self.key(job)], [self._prefix, job.kind, self.member(job)]) for job in jobs]
        return sum(map(int, self._scripts.run_all(Effect.DISCARD, calls)))

    def refuse(self, refusal: Refusal) -> None:
        """Note a notification that was not accepted; those of switched-off triggers never push the others out."""
        noted = {name: value for name, value in asdict(refusal).items() if name != "at"}
        key = self._prefix + (SWITCHED_OFF if refusal.code == TriggerOff.entry.code else REFUSALS)
        self._scripts.run(Effect.REFUSE, [key], [json.dumps(noted, sort_keys=True), REFUSALS_KEPT])

    def _retry_failed(self, kind: Kind, for_days: float, system_id: int) -> int:
        skipped, count = 0, 0
        while True:
            args: list[str | int] = [self._prefix, kind, PAGE, int(for_days * DAY_MS), skipped, system_id]
            still_failed, reopened = self._scripts.run(Effect.RETRY_FAILED, [], args)
            skipped += int(still_failed)
            count += int(reopened)
            if still_failed + reopened < PAGE:
                return count

    def _args(self, job: Job) -> list[str | int]:
        return [self._prefix, job.kind, self.member(job), self._stores.of(job.system_id)]

    def _request_args(self, request: Request) -> list[str | int]:
        tracking_guid = request.tracking_guid or str(uuid.uuid4())
        flags = (int(request.urgent), int(request.debug), int(request.background))
        return [*self._args(request.job), tracking_guid, *flags]

    def _claimed(self, claim: Claim, calls: Calls) -> list[str | int]:
        return [*self._args(claim.job), claim.token, json.dumps({"stamped": 0, "ipaas": 0} | calls)]

    def _if_held(self, held: Any, sent: list[str]) -> tuple[Message, ...]:
        if not held:
            raise ClaimLost
        return self._messages(sent)

    def _messages(self, sent: list[str]) -> tuple[Message, ...]:
        return tuple(map(self._message, sent))

    def _message(self, sent: str) -> Message:
        kind, system_id, customer_id, *front = sent.split(":")
        return Message(Job(Kind(kind), int(system_id), customer_id), bool(front))


def _json(failure: Failure) -> str:
    return json.dumps(asdict(failure))


def _json_of(made: Sequence[MadeCall]) -> str:
    return json.dumps([astuple(call) for call in made], separators=(",", ":"))
