"""Reads the ledger, changing nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from worker.job import Job, Kind
from worker.ledger.records import Counts, Record, Refusal, State, moment
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import redis

PAGE = 500
REFUSALS = "refusals"
SWITCHED_OFF = "switched-off"


class Reading:
    """The ledger's views. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

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
        """One job, or None where the ledger does not hold it."""
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
            pipeline = self._client.pipeline(transaction=False)
            for state in State:
                pipeline.zcard(self._index(state, kind))
            return Counts(**dict(zip(State, pipeline.execute(), strict=True)))

    def in_state(self, state: State, kind: Kind) -> Iterator[Record]:
        """Every job of a kind in one state, oldest first, read a page at a time."""
        start = 0
        while members := self._page(state, kind, start):
            for record in self.records([self.job_of(kind, member) for member in members]):
                if record is not None and record.state is state:
                    yield record
            start += PAGE

    def oldest(self, state: State, kind: Kind) -> datetime | None:
        """The time that matters to the state of the job that has been in it longest (see `_job.lua`)."""
        with available():
            first = self._client.zrange(self._index(state, kind), 0, 0, withscores=True)
        return moment(first[0][1]) if first else None

    def queue_lengths(self, queues: Sequence[str]) -> dict[str, int]:
        """How many messages wait in each of the broker's queues."""
        with available():
            pipeline = self._client.pipeline(transaction=False)
            for queue in queues:
                pipeline.llen(queue)
            return dict(zip(queues, pipeline.execute(), strict=True))

    def refusals(self, limit: int = PAGE) -> list[Refusal]:
        """The notifications that were not accepted, newest first."""
        with available():
            noted: list[Any] = [
                each
                for key in (REFUSALS, SWITCHED_OFF)
                for each in self._client.zrevrange(self._prefix + key, 0, limit - 1, withscores=True)
            ]
        noted = sorted(noted, key=lambda each: each[1], reverse=True)[:limit]
        return [Refusal(**json.loads(text), at=moment(score)) for text, score in noted]

    def refusal_count(self) -> int:
        """How many notifications were not accepted."""
        with available():
            return sum(int(self._client.zcard(self._prefix + key)) for key in (REFUSALS, SWITCHED_OFF))

    def _index(self, state: State, kind: Kind) -> str:
        return f"{self._prefix}{state}:{kind}"

    def _page(self, state: State, kind: Kind, start: int) -> list[str]:
        with available():
            members: list[Any] = self._client.zrange(self._index(state, kind), start, start + PAGE - 1)
        return members
