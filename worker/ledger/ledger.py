"""The record of jobs in Redis: the truth that messages only wake a worker for.

Every operation is one script, so it happens whole or not at all; see the scripts for the protocol's details.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from worker.effects import Effect, Witness, nobody
from worker.jobs.asking import TRIGGERED, Request, Requested
from worker.jobs.calls import ANSWERED_WELL, NO_CALL
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind, Next
from worker.ledger.keys import PREFIX, job_of
from worker.ledger.limits import LedgerTimes, NotedLimits
from worker.ledger.processes import Processes
from worker.ledger.progress import ProgressBook
from worker.ledger.reading import known_limits
from worker.ledger.records import (
    CarryOn,
    Claim,
    ClaimLost,
    ClaimRefused,
    Ended,
    Throttled,
    Weighed,
    Weight,
)
from worker.ledger.scripting import Args, Made, Scripts
from worker.ledger.upkeep import Upkeep, consent_args, error_args, pause_json, shape_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

    from worker.jobs.asking import Asker
    from worker.jobs.calls import MadeCall, Shape
    from worker.jobs.catalogue import Failure
    from worker.jobs.job import Consent
    from worker.jobs.retries import Pause
    from worker.ledger.batches import Batches
    from worker.ledger.limits import StoreLimits

CLOCK_TOLERANCE_MS: Final = 1_000
"""How far a worker's clock may run ahead of Redis' before its retry counts as too early."""
CARRIED_GRACE_MS: Final = 15_000
"""How long after its due time the sweeper leaves a retry to the Celery message that carries it."""
NOBODY_LOOKED: Final = "-"


class Ledger(Upkeep):
    """The ledger's operations. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(
        self,
        client: redis.Redis,
        times: LedgerTimes = LedgerTimes(),  # noqa: B008 - frozen
        stores: Mapping[int, StoreLimits] | None = None,
        *,
        worker: str = "",
        fingerprint: str = "",
        witness: Witness = nobody,
        replaced: Mapping[str, str] | None = None,
    ) -> None:
        """`fingerprint`: of the configuration that the worker runs by. Without `stores` each has the usual limits."""
        self._own_limits: dict[str, str] = {}
        limits = None if stores is None else known_limits(client, stores, self._own_limits)
        super().__init__(client, Scripts(client, limits, witness, replaced), times, limits or {})
        self._fingerprint = fingerprint
        # Who runs a job, as JSON, by fingerprint: see `Event` in `worker.ledger.memory.event`.
        self._by: Made[str, str] = Made(lambda by: json.dumps(f"{worker} {by}".strip()))
        self._shapes: Made[Shape, tuple[str, str]] = Made(shape_args)
        self._shapes[NO_CALL] = "", ""
        self.progress = ProgressBook(self._scripts)
        self.processes = Processes(self._scripts)

    def reconfigure(self, stores: Mapping[int, StoreLimits], fingerprint: str) -> None:
        """Go by another configuration from the next step on."""
        self._fingerprint = fingerprint
        self._limits = known_limits(self._client, stores, self._own_limits)
        self._scripts.limit(self._limits)

    @cached_property
    def batches(self) -> Batches:
        """The batches of the Manual Sync page."""
        from worker.ledger.batches import Batches  # noqa: PLC0415 - only that page has any

        return Batches(self._client, PREFIX, self)

    # Asking -----------------------------------------------------------------------------------------------------------

    def request(self, job: Job, asker: Asker = TRIGGERED, *, tracking_guid: str = "", debug: bool = False) -> int:
        """Ask for one more run of a job: it is in the ledger once this returns. Answers the version that is wanted."""
        return self.request_each([Request(job, asker, tracking_guid, debug)])[0].version

    def request_all(self, jobs: Sequence[Job], asker: Asker = TRIGGERED, *, debug: bool = False) -> list[int]:
        """Ask for one more run of many jobs alike, in one round trip; the version that is wanted of each."""
        requests = [Request(job, asker, debug=debug) for job in jobs]
        return [each.version for each in self.request_each(requests)]

    def request_each(self, requests: Sequence[Request]) -> list[Requested]:
        """Ask for runs that differ, in one round trip."""
        calls = [(each.job, self._request_args(each)) for each in requests]
        answers = self._scripts.run_all(Effect.REQUEST, calls)
        return [Requested(int(version), bool(is_coalesced)) for version, is_coalesced in answers]

    # Running ----------------------------------------------------------------------------------------------------------

    def claim(self, job: Job) -> Claim:
        """Take a job for this worker. Raises ClaimRefused if it is another's, or there is nothing to do."""
        token = uuid.uuid4().hex
        args: Args = [token, self._lease_ms, CLOCK_TOLERANCE_MS, self._by[self._fingerprint]]
        state, *granted = self._scripts.run(Effect.CLAIM, args, job)
        if state != "granted":
            raise ClaimRefused(state)
        return _claim(job, token, granted)

    def renew(self, claim: Claim, *, extra_call: str = "", writes: bool = False) -> None:
        """Hold a claim for one more call; `extra_call` names the API of one beyond what the job usually needs.

        Once a subscription job `writes`, its customer is no longer new. Raises ClaimLost, and Throttled if there is no
        room for an extra call.
        """
        args: Args = [claim.token, self._lease_ms, extra_call, int(writes)]
        answer = self._scripts.run(Effect.RENEW, args, claim.job)
        if answer == "lost":
            raise ClaimLost
        if answer == "throttled":
            raise Throttled

    # Each of these ends a claim, or raises ClaimLost. `calls` are those that the attempt made, `consent` is what the
    # next run must know of the customer's.

    def complete(
        self,
        claim: Claim,
        calls: Sequence[MadeCall],
        action: str,
        stamped_id: str | None = None,
        next_step: Next = Next.NOTHING,
        *,
        is_new: bool = False,
        shared_with: str | None = NOBODY_LOOKED,
        carry_on: CarryOn = CarryOn.NOT,
    ) -> Ended:
        """End a job well. `shared_with`: the other customer that has its Stamped.io id, None if nobody has."""
        stamped_id = stamped_id or claim.stamped_id or ""
        outcome = claim.version, action, stamped_id, next_step, int(is_new), shared_with or ""
        next_claim, hold_ended = self._end(Effect.COMPLETE, claim, calls, outcome, carry_on=carry_on)
        return Ended(bool(hold_ended), next_claim=next_claim)

    def defer(
        self,
        claim: Claim,
        calls: Sequence[MadeCall],
        rest_seconds: float,
        failure: Failure,
        *,
        carried: bool,
        costs_attempt: bool = True,
        consent: Consent | None = None,
        carry_on: CarryOn = CarryOn.NOT,
    ) -> Ended:
        """Let a job rest until a retry is due. `carried`: a Celery retry brings it back.

        One that was asked for by hand meanwhile does not rest: it waits for its turn again.
        """
        grace_ms = CARRIED_GRACE_MS if carried else 0
        rest = int(rest_seconds * 1000), *error_args(failure), grace_ms, int(costs_attempt), *consent_args(consent)
        next_claim, hold_ended, is_requeued = self._end(Effect.DEFER, claim, calls, rest, carry_on=carry_on)
        return Ended(bool(hold_ended), bool(is_requeued), next_claim=next_claim)

    def leave(self, claim: Claim) -> None:
        """Leave a job to a worker that knows its connection: that is no attempt, and it keeps its place."""
        self._end(Effect.LEAVE, claim, [], [])

    def put_back(self, claim: Claim, calls: Sequence[MadeCall], *, consent: Consent | None = None) -> None:
        """Put a job that has no slot for another call back to its place in its store's queue."""
        self._end(Effect.PUT_BACK, claim, calls, consent_args(consent))

    def hold(
        self,
        claim: Claim,
        calls: Sequence[MadeCall],
        failure: Failure,
        pause: Pause,
        held_for: Failure | None = None,
        *,
        consent: Consent | None = None,
    ) -> Weighed:
        """Weigh trouble of the whole store, which the last call met: it may be held, for `held_for`.

        The job then waits for its turn again; else the claim goes on, and the answer says what the job must do.
        """
        *well, last = calls
        errors = *error_args(failure), *error_args(held_for or failure)
        trouble = *errors, pause_json(pause), *consent_args(consent)
        _, weight, began, met, hold_ended = self._end(
            Effect.HOLD, claim, [*well, replace(last, intent=Intent.STORES)], trouble
        )
        return Weighed(Weight(weight), hold_began=bool(began), hold_ended=bool(hold_ended), met=int(met))

    def fail(
        self, claim: Claim, calls: Sequence[MadeCall], failure: Failure, *, carry_on: CarryOn = CarryOn.NOT
    ) -> Ended:
        """End a job badly, unless it was requested meanwhile: then it waits for its turn again."""
        outcome = claim.version, *error_args(failure), failure.http_status or 0
        next_claim, hold_ended, is_requeued, is_news = self._end(Effect.FAIL, claim, calls, outcome, carry_on=carry_on)
        return Ended(bool(hold_ended), bool(is_requeued), bool(is_news), next_claim)

    def _end(
        self,
        effect: Effect,
        claim: Claim,
        calls: Sequence[MadeCall],
        args: Sequence[str | int],
        *,
        carry_on: CarryOn = CarryOn.NOT,
    ) -> list[Any]:
        """Run a script that ends a claim: the claim that this worker carries on with, and what else it answers.

        Raises ClaimLost.
        """
        noted = [  # see `calls_of` in `_slots.lua`
            (call.api, call.method, call.route, call.status, call.ms, int(call.intent in ANSWERED_WELL))
            for call in calls
        ]
        as_json = json.dumps(noted, separators=(",", ":"))
        sent = [call.sent for call in calls if call.sent] or [()]
        shape = sent[-1], tuple([(call.api, call.method, call.route) for call in calls])
        token = uuid.uuid4().hex if carry_on else ""
        shared: Args = [claim.token, as_json, token, self._lease_ms, carry_on]
        by = self._by[claim.fingerprint or self._fingerprint]
        answer: list[Any] = self._scripts.run(effect, [*shared, *args, *self._shapes[shape], by], claim.job)
        if not answer[0]:
            raise ClaimLost
        _, granted, *more = answer
        return [_next_claim(token, granted), *more]

    # Stores -----------------------------------------------------------------------------------------------------------

    def book(self, system_id: int, api: str, call_seconds: float) -> bool:
        """Take a slot for a call of no job, which ends within `call_seconds`; False if there is none now."""
        args: Args = [PREFIX, system_id, self._scripts.limits_of(system_id), api, int(call_seconds * 1000)]
        return bool(self._scripts.run(Effect.BOOK, args))

    def hold_store(self, system_id: int, api: str, failure: Failure, pause: Pause, fingerprint: str = "") -> bool:
        """Hold a store for trouble that no job has met but who read its subscription; whether that is news.

        Not if it is held already, or if a job has just ended well. `fingerprint`: of the configuration that met it.
        """
        trouble = *error_args(failure), pause_json(pause), self._by[fingerprint or self._fingerprint]
        args: Args = [PREFIX, system_id, self._scripts.limits_of(system_id), api, *trouble]
        return bool(self._scripts.run(Effect.HOLD_STORE, args))

    def note_limits(self, system_id: int, limits: StoreLimits) -> None:
        """Note what a store allows, as its iPaaS.com subscription says it, for all processes that leave it open."""
        if isinstance(self._limits, NotedLimits):
            self._limits.note(system_id, limits)

    def _request_args(self, request: Request) -> Args:
        asker = request.asker
        return [request.tracking_guid or str(uuid.uuid4()), asker.by, int(request.debug), str(asker)]


def _next_claim(token: str, answer: Sequence[Any]) -> Claim | None:
    """The claim in what `carry_on` of `_ending.lua` answers."""
    if not answer:
        return None
    message_id, kind, member, _, *granted = answer
    return _claim(job_of(Kind(kind), member), token, granted, message_id)


def _claim(job: Job, token: str, granted: Sequence[Any], message_id: str = "") -> Claim:
    """The claim that a script has granted: see `_grant.lua`."""
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
        message_id=message_id,
    )
