"""The record of jobs in Redis: the truth that messages only wake a worker for.

Every operation is one script, so it happens whole or not at all; see the scripts for the protocol's details.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from worker.effects import Effect, Witness, nobody
from worker.errors import Failure, TriggerOff, WorkerLost
from worker.job import Job, Kind, Next
from worker.ledger.reading import REFUSALS, SWITCHED_OFF, Reading
from worker.ledger.records import Claim, ClaimLost, ClaimRefused, Refusal, Requested
from worker.ledger.scripting import Scripts
from worker.queues import QUEUE_OF

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import redis

PREFIX = "stamped-sync:"
DAY_MS = 24 * 60 * 60 * 1000
CLOCK_TOLERANCE_MS = 1_000
"""How far a worker's clock may run ahead of Redis' before its retry counts as too early."""
CARRIED_GRACE_MS = 15_000
"""How long after its due time the sweeper leaves a retry to the Celery message that carries it."""
LOSSES_ALLOWED = 5
"""How many workers in a row may die on one job before it is failed instead of tried again."""
REFUSALS_KEPT = 10_000
PAGE = 500


@dataclass(frozen=True)
class Terms:
    """The ledger's times: a lease covers one API call; a message is lost once one sent so much later was started."""

    lease_seconds: float = 45
    lost_after_seconds: float = 30
    done_days: float = 7
    failed_days: float = 30


class Ledger(Reading):
    """The ledger's operations. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(
        self,
        client: redis.Redis,
        terms: Terms = Terms(),
        *,
        prefix: str = PREFIX,
        witness: Witness = nobody,
        replaced: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(client, prefix)
        self._scripts = Scripts(client, witness, replaced)
        self._lease_ms = int(terms.lease_seconds * 1000)
        self._lost_after_ms = int(terms.lost_after_seconds * 1000)
        self._keep_done_ms = int(terms.done_days * DAY_MS)
        self._keep_failed_ms = int(terms.failed_days * DAY_MS)

    def request(self, job: Job, *, tracking_guid: str = "", urgent: bool = False, debug: bool = False) -> Requested:
        """Ask for one more run of a job: it is in the ledger once this returns.

        `urgent` does not wait for the due time of a retry (a manual sync, a re-run). Send a message where one is owed.
        """
        return self.request_all([job], tracking_guid=tracking_guid, urgent=urgent, debug=debug)[0]

    def request_all(
        self, jobs: Sequence[Job], *, tracking_guid: str = "", urgent: bool = False, debug: bool = False
    ) -> list[Requested]:
        """Ask for many jobs in one round trip; each gets a tracking id of its own where none is given."""
        flags = (int(urgent), int(debug))
        calls = [([self.key(job)], [*self._args(job), tracking_guid or str(uuid.uuid4()), *flags]) for job in jobs]
        answers = self._scripts.run_all(Effect.REQUEST, calls)
        return [Requested(job, int(version), bool(owed)) for job, (version, owed) in zip(jobs, answers, strict=True)]

    def claim(self, job: Job) -> Claim:
        """Take a job for this worker. Raises ClaimRefused where it is another's, or there is nothing to do."""
        token = uuid.uuid4().hex
        state, *granted = self._scripts.run(
            Effect.CLAIM, [self.key(job)], [*self._args(job), token, self._lease_ms, CLOCK_TOLERANCE_MS]
        )
        if state != "granted":
            raise ClaimRefused(state)
        version, attempt, tracking_guid, debug, stamped_id = granted
        return Claim(job, token, int(version), int(attempt), tracking_guid, bool(debug), stamped_id or None)

    def renew(self, claim: Claim) -> None:
        """Hold a claim for one more call. Raises ClaimLost."""
        args = [*self._args(claim.job), claim.token, self._lease_ms]
        if not self._scripts.run(Effect.RENEW, [self.key(claim.job)], args):
            raise ClaimLost

    def complete(
        self, claim: Claim, action: str, stamped_id: str | None = None, next_step: Next = Next.NOTHING
    ) -> list[Job]:
        """End a job well. Returns the jobs whose message is owed. Raises ClaimLost."""
        job = claim.job
        held, owed, next_owed = self._scripts.run(
            Effect.COMPLETE,
            [self.key(job), self.key(job.subscription)],
            [
                *self._args(job),
                claim.token,
                claim.version,
                action,
                stamped_id or claim.stamped_id or "",
                self._keep_done_ms,
                next_step,
            ],
        )
        if not held:
            raise ClaimLost
        return [waiting for waiting, is_owed in ((job, owed), (job.subscription, next_owed)) if is_owed]

    def defer(self, claim: Claim, rest_seconds: float, failure: Failure, *, carried: bool) -> list[Job]:
        """Let a job rest until a retry is due. `carried`: a Celery retry brings it back. Raises ClaimLost.

        Returns the jobs whose message is owed: one that was asked for by hand meanwhile runs again at once instead.
        """
        grace_ms = CARRIED_GRACE_MS if carried else 0
        args = [*self._args(claim.job), claim.token, int(rest_seconds * 1000), _json(failure), grace_ms]
        held, owed = self._scripts.run(Effect.DEFER, [self.key(claim.job)], args)
        if not held:
            raise ClaimLost
        return [claim.job] if owed else []

    def fail(self, claim: Claim, failure: Failure) -> list[Job]:
        """End a job badly. Returns the jobs whose message is owed: a newer trigger reopens it. Raises ClaimLost."""
        held, owed = self._scripts.run(
            Effect.FAIL,
            [self.key(claim.job)],
            [*self._args(claim.job), claim.token, claim.version, _json(failure), self._keep_failed_ms],
        )
        if not held:
            raise ClaimLost
        return [claim.job] if owed else []

    def sweep(self, kind: Kind, limit: int = PAGE) -> list[Job]:
        """Find jobs of a kind that nobody will run: their messages are owed. At most `limit` of them."""
        members = self._scripts.run(
            Effect.SWEEP,
            [QUEUE_OF[kind]],
            [
                self._prefix,
                kind,
                limit,
                self._lost_after_ms,
                LOSSES_ALLOWED,
                _json(WorkerLost().failure),
                self._keep_failed_ms,
                self._keep_done_ms,
            ],
        )
        return [self.job_of(kind, member) for member in members]

    def retry_failed(self, kind: Kind, for_days: float) -> Iterator[list[Job]]:
        """Reopen the failed jobs of a kind whose first failure is no older than that; pages of jobs owed a message."""
        skipped = 0
        for _ in range(0, self.counts(kind).failed, PAGE):
            still_failed, *members = self._scripts.run(
                Effect.RETRY_FAILED, [], [self._prefix, kind, PAGE, int(for_days * DAY_MS), skipped]
            )
            yield [self.job_of(kind, member) for member in members]
            skipped += still_failed

    def discard(self, job: Job) -> bool:
        """Forget a failed job; False where it is not failed."""
        return bool(self._scripts.run(Effect.DISCARD, [self.key(job)], self._args(job)))

    def refuse(self, refusal: Refusal) -> None:
        """Note a notification that was not accepted; those of switched-off triggers never push the others out."""
        noted = {name: value for name, value in asdict(refusal).items() if name != "at"}
        key = self._prefix + (SWITCHED_OFF if refusal.code == TriggerOff.entry.code else REFUSALS)
        self._scripts.run(Effect.REFUSE, [key], [json.dumps(noted, sort_keys=True), REFUSALS_KEPT])

    def _args(self, job: Job) -> list[str | int]:
        return [self._prefix, job.kind, self.member(job)]


def _json(failure: Failure) -> str:
    return json.dumps(asdict(failure))
