"""Reads the ledger, changing nothing."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING

from worker.jobs.job import Job, Kind, State
from worker.ledger.activity import Activity
from worker.ledger.figures import read_figures
from worker.ledger.records import Counts, Hold, Record, Refusal, moment
from worker.ledger.round_trip import Found, together
from worker.ledger.scripting import available
from worker.ledger.totals import REFUSAL_LISTS, REFUSALS, SWITCHED_OFF, Refusals, read_totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import redis

    from worker.ledger.figures import Figures

__all__ = ["REFUSALS", "SWITCHED_OFF", "Reading"]

PAGE = 500


class Reading:
    """The ledger's views. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self.activity = Activity(client, prefix, self)

    @staticmethod
    def member(job: Job) -> str:
        """A job's name in an index."""
        return f"{job.system_id}:{job.customer_id}"

    @staticmethod
    def job_of(kind: Kind, member: str) -> Job:
        """The job with that name in an index."""
        system_id, customer_id = member.split(":")
        return Job(kind, int(system_id), customer_id)

    def key(self, job: Job) -> str:
        """The key of a job's hash."""
        return f"{self._prefix}job:{job.kind}:{self.member(job)}"

    def ping(self) -> None:
        """Prove that Redis answers."""
        with available():
            self._client.ping()

    def record(self, job: Job) -> Record | None:
        """One job, or None if the ledger does not hold it."""
        return self.records([job])[0]

    def records(self, jobs: Sequence[Job]) -> list[Record | None]:
        """Many jobs in one round trip."""
        with available():
            pipeline = self._client.pipeline(transaction=False)
            for job in jobs:
                pipeline.hgetall(self.key(job))
            return [Record.read(job, fields) for job, fields in zip(jobs, pipeline.execute(), strict=True)]

    def counts(self, kind: Kind) -> Counts:
        """How many jobs of a kind stand where."""
        with available():
            systems = self.systems()
            indexes = {state: [f"{self._prefix}{state}:{kind}:{each}" for each in systems] for state in State}
            pipeline = self._client.pipeline(transaction=False)
            for index in (index for each in indexes.values() for index in each):
                pipeline.zcard(index)
            sizes = iter(pipeline.execute())
            return Counts(**{state: sum(next(sizes) for _ in each) for state, each in indexes.items()})

    def figures(self, configured: Iterable[int] = ()) -> Figures:
        """Where every store stands: those that ever had a job, and those that are configured."""
        with available():
            return read_figures(self._client, self._prefix, configured)

    def backlog(self, system_id: int) -> int:
        """How many jobs of a store wait for their turn, or rest before they are tried again."""
        with available():
            pipeline = self._client.pipeline(transaction=False)
            for kind, state in product(Kind, (State.QUEUED, State.WAITING)):
                pipeline.zcard(f"{self._prefix}{state}:{kind}:{system_id}")
            return sum(pipeline.execute())

    def refusals(self, limit: int = PAGE) -> list[Refusal]:
        """The notifications that were not accepted and are kept, newest first."""
        with available():
            pipeline = self._client.pipeline(transaction=False)
            for name in REFUSAL_LISTS:
                pipeline.zrevrange(self._prefix + name, 0, limit - 1, withscores=True)
            noted = [each for found in pipeline.execute() for each in found]
        noted = sorted(noted, key=lambda each: each[1], reverse=True)[:limit]
        return [Refusal(**json.loads(text), at=moment(score)) for text, score in noted]

    def refused(self) -> Refusals:
        """How many notifications were not accepted, and how many of them are kept."""
        found: Found = {}
        with available(), together(self._client, found) as ask:
            ask("totals").hgetall(f"{self._prefix}totals")
            for name in REFUSAL_LISTS:
                ask("kept", name).zcard(self._prefix + name)
        return Refusals.read(read_totals(found["totals",]), sum(found["kept", name] for name in REFUSAL_LISTS))

    def refusal_count(self) -> int:
        """How many notifications were not accepted."""
        return self.refused().count

    def systems(self) -> list[int]:
        """The systems that ever had a job."""
        with available():
            return sorted(map(int, self._client.smembers(self._prefix + "systems")))

    def holds(self) -> list[Hold]:
        """The stores that are held, or were and have yet to prove themselves."""
        return self._holds(self.systems())

    def hold_of(self, system_id: int) -> Hold | None:
        """The hold of one store, or None."""
        return next(iter(self._holds([system_id])), None)

    def hold_for(self, system_id: int, api: str) -> Hold | None:
        """The hold of one store, if this API began it and its time is not over."""
        hold = self.hold_of(system_id)
        return hold if hold and hold.api == api and not hold.is_over else None

    def next_slot(self, system_id: int, api: str) -> float | None:
        """Seconds until a call that counts against an API's limit no longer does; None if nobody knows yet."""
        with available():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.time()
            pipeline.zrange(f"{self._prefix}slots:{api}:{system_id}", 0, 0, withscores=True)
            now, first = pipeline.execute()
        ends = [score for _, score in first if math.isfinite(score)]  # that of a job under way has no end yet
        return ends[0] / 1000 - _time(now).timestamp() if ends else None

    def _holds(self, systems: Sequence[int]) -> list[Hold]:
        with available():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.time()
            for system_id in systems:
                pipeline.hgetall(f"{self._prefix}hold:{system_id}")
            now, *found = pipeline.execute()
        held = (Hold.read(system_id, fields, _time(now)) for system_id, fields in zip(systems, found, strict=True))
        return [hold for hold in held if hold]


def _time(answer: Sequence[int]) -> datetime:
    """What Redis answered to TIME."""
    seconds, microseconds = answer
    return datetime.fromtimestamp(int(seconds) + int(microseconds) / 1_000_000, UTC)
