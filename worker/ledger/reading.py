"""Reads the ledger, changing nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from worker.job import Job, Kind
from worker.ledger.activity import Activity
from worker.ledger.records import Counts, Hold, Record, Refusal, State, moment
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

PAGE = 500
REFUSALS = "refusals"
SWITCHED_OFF = "switched-off"


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
            systems = self.systems()
            indexes = {state: [f"{self._prefix}{state}:{kind}:{each}" for each in systems] for state in State}
            pipeline = self._client.pipeline(transaction=False)
            for index in (index for each in indexes.values() for index in each):
                pipeline.zcard(index)
            sizes = iter(pipeline.execute())
            return Counts(**{state: sum(next(sizes) for _ in each) for state, each in indexes.items()})

    def in_state(self, state: State, kind: Kind) -> Iterator[Record]:
        """Every job of a kind in one state, of each store the oldest first, read a page at a time."""
        for index in self._indexes(state, kind):
            start = 0
            while members := self._page(index, start):
                for record in self.records([self.job_of(kind, member) for member in members]):
                    if record is not None and record.state is state:
                        yield record
                start += PAGE

    def oldest(self, state: State, kind: Kind, system_id: int | None = None) -> datetime | None:
        """The time that matters to the state of the job that has been in it longest, of one store or of all."""
        with available():
            indexes = self._indexes(state, kind, system_id)
            firsts = [self._client.zrange(index, 0, 0, withscores=True) for index in indexes]
            times = [self._since(state, kind, *first[0]) for first in firsts if first]
        return moment(min(times, default=None))

    def backlog(self, system_id: int) -> int:
        """How many jobs of a store wait for their turn, or rest before they are tried again."""
        with available():
            states = (State.QUEUED, State.WAITING)
            indexes = [f"{self._prefix}{state}:{kind}:{system_id}" for kind in Kind for state in states]
            return sum(int(self._client.zcard(index)) for index in indexes)

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

    def throttle_use(self, system_id: int, api: str) -> int:
        """How many calls count against an API's limit now, those of the jobs under way included."""
        with available():
            return int(self._client.zcount(f"{self._prefix}slots:{api}:{system_id}", f"({self._now_ms()}", "+inf"))

    def under_way(self, system_id: int) -> int:
        """How many jobs of a store have a message or run."""
        with available():
            return int(self._client.scard(f"{self._prefix}admitted:{system_id}"))

    def _holds(self, systems: Sequence[int]) -> list[Hold]:
        with available():
            pipeline = self._client.pipeline(transaction=False)
            for system_id in systems:
                pipeline.hgetall(f"{self._prefix}hold:{system_id}")
            found = pipeline.execute()
            now = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        held = (Hold.read(system_id, fields, now) for system_id, fields in zip(systems, found, strict=True))
        return [hold for hold in held if hold]

    def _now_ms(self) -> int:
        seconds, microseconds = self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    def _since(self, state: State, kind: Kind, member: str, score: float) -> float:
        """A queued job's score is its place in the queue, which for some is not the time since when it waits."""
        if state is not State.QUEUED:
            return score
        return float(self._client.hget(self.key(self.job_of(kind, member)), "queued_at") or 0)

    def _indexes(self, state: State, kind: Kind, system_id: int | None = None) -> list[str]:
        systems = self.systems() if system_id is None else [system_id]
        return [f"{self._prefix}{state}:{kind}:{each}" for each in systems]

    def _page(self, index: str, start: int) -> list[str]:
        with available():
            members: list[Any] = self._client.zrange(index, start, start + PAGE - 1)
        return members
