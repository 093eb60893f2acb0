"""The jobs as an operator looks at them: newest first, a page at a time; the failed ones in groups; a job's history.

Nothing here reads more of the ledger than what is shown, however many jobs it holds.
"""

from __future__ import annotations

import heapq
import json
from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Protocol, Self

from worker.calls import MadeCall
from worker.errors import Failure
from worker.job import Job, Kind
from worker.ledger.records import State, moment
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import redis

    from worker.ledger.records import Record

PAGE = 50
MILLISECONDS_DIGITS = 15
SUSPICIOUS = 5
"""After so many failures without a success since, a group looks like a fault of the configuration."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs are meant; what is not given does not matter."""

    system_id: int | None = None
    kind: Kind | None = None
    state: State | None = None
    code: str = ""
    """Of an error that a job has failed with."""
    customer_id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, record: Record) -> bool:
        """Whether a job is meant: for those that are looked up by their customer."""
        changed_at = record.changed_at
        return (
            (self.state is None or record.state is self.state)
            and (not self.code or (record.state is State.FAILED and _code_of(record) == self.code))
            and (self.since is None or (changed_at is not None and changed_at >= self.since))
            and (self.until is None or (changed_at is not None and changed_at <= self.until))
        )


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A job's place in the order of a list: pages hold while jobs come and go, as each begins behind the last's."""

    score: float
    kind: Kind
    member: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The place in a link; None where there is none."""
        score, _, job = text.partition("-")
        kind, _, member = job.partition("-")
        if not (score.isascii() and score.isdigit() and len(score) <= MILLISECONDS_DIGITS and kind in set(Kind)):
            return None
        return cls(float(score), Kind(kind), member)

    def __str__(self) -> str:
        return f"{self.score:.0f}-{self.kind}-{self.member}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, newest first."""

    records: list[Record]
    next: str = ""
    """Where the next page begins; empty on the last one."""


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs of one kind and store that failed with one error."""

    system_id: int
    kind: Kind
    code: str
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    is_suspicious: bool
    """Nothing has ended well there since the last few failed: more likely the configuration than the data."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job that has ended."""

    at: datetime | None
    """When it began; None where that is not known."""
    ms: int
    worker: str
    outcome: str
    """An action, or `waiting`, `held`, `throttled`, `failed` or `lost`."""
    failure: Failure | None
    calls: list[MadeCall]

    @classmethod
    def read(cls, text: str) -> Self:
        """The attempt in an entry of a job's history."""
        entry: dict[str, Any] = json.loads(text)
        error = entry["error"]
        return cls(
            at=moment(entry["at"]),
            ms=entry["ms"],
            worker=entry["worker"],
            outcome=entry["outcome"],
            failure=Failure(**error) if error else None,
            calls=[MadeCall(*call) for call in entry["calls"]],
        )


class Jobs(Protocol):
    """What the views need of the ledger."""

    def systems(self) -> list[int]:
        """The systems that ever had a job."""

    def records(self, jobs: Sequence[Job]) -> list[Record | None]:
        """Many jobs."""

    def member(self, job: Job) -> str:
        """A job's name in an index."""

    def job_of(self, kind: Kind, member: str) -> Job:
        """The job with that name in an index."""


class Activity:
    """The views of a ledger. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, prefix: str, ledger: Jobs) -> None:
        self._client = client
        self._prefix = prefix
        self._ledger = ledger

    def page(self, wanted: Filter, begins: str = "", size: int = PAGE) -> Page:
        """The jobs that are meant, newest first, from behind a place on.

        Queued jobs come in the order of their turn, waiting ones in that of their due time, the last first.
        """
        if wanted.customer_id:
            return Page(self._of_customer(wanted))
        places = self._newest(wanted, Place.read(begins), size + 1)
        jobs = [self._ledger.job_of(place.kind, place.member) for place in places[:size]]
        records = [record for record in self._ledger.records(jobs) if record]
        return Page(records, str(places[size - 1]) if len(places) > size else "")

    def count(self, wanted: Filter) -> int:
        """How many jobs are meant, a customer's aside."""
        lowest, highest = _bounds(wanted)
        with available():
            pipeline = self._client.pipeline(transaction=False)
            for _, index in self._indexes(wanted):
                pipeline.zcount(index, lowest, highest)
            return sum(pipeline.execute())

    def counts(self, wanted: Filter) -> dict[State, int]:
        """How many jobs of the connection and kind that are meant there are in each state."""
        systems, kinds = self._systems(wanted), self._kinds(wanted)
        with available():
            pipeline = self._client.pipeline(transaction=False)
            for state, kind, system_id in product(State, kinds, systems):
                pipeline.zcard(f"{self._prefix}{state}:{kind}:{system_id}")
            sizes = iter(pipeline.execute())
        return {state: sum(islice(sizes, len(kinds) * len(systems))) for state in State}

    def groups(self) -> list[Group]:
        """The failed jobs by kind, store and error, the largest group first."""
        groups = [group for kind in Kind for group in self._groups(kind)]
        return sorted(groups, key=lambda group: (-group.count, group.system_id, group.kind, group.code))

    def jobs_of(self, group: Group) -> Iterator[Job]:
        """The jobs of a group, the oldest first."""
        index, start = f"{self._prefix}code:{group.kind}:{group.system_id}:{group.code}", 0
        while members := self._members(index, start):
            yield from (self._ledger.job_of(group.kind, member) for member in members)
            start += len(members)

    def totals(self) -> dict[tuple[str, ...], int]:
        """The counts that only grow, by name and labels: see `count_attempt` in `_job.lua`."""
        with available():
            totals: dict[str, str] = self._client.hgetall(f"{self._prefix}totals")  # type: ignore[assignment]
        return {tuple(name.split("|")): int(count) for name, count in totals.items()}

    def history(self, job: Job) -> list[Attempt]:
        """The last attempts of a job that have ended, newest first."""
        with available():
            entries: list[Any] = self._client.lrange(
                f"{self._prefix}history:{job.kind}:{self._ledger.member(job)}", 0, -1
            )
        return [Attempt.read(entry) for entry in reversed(entries)]

    def _of_customer(self, wanted: Filter) -> list[Record]:
        jobs = [
            Job(kind, system_id, wanted.customer_id)
            for kind in self._kinds(wanted)
            for system_id in self._systems(wanted)
        ]
        records = [record for record in self._ledger.records(jobs) if record and wanted.holds(record)]
        return sorted(
            records, key=lambda record: record.changed_at.timestamp() if record.changed_at else 0, reverse=True
        )

    def _newest(self, wanted: Filter, begins: Place | None, size: int) -> list[Place]:
        """The newest places behind one, merged from every list that may hold them."""
        lowest, highest = _bounds(wanted)
        indexes = list(self._indexes(wanted))
        with available():
            passed = [0] * len(indexes)
            if begins:
                passed, highest = self._passed(indexes, begins), f"{begins.score:.0f}"
            pipeline = self._client.pipeline(transaction=False)
            for (_, index), start in zip(indexes, passed, strict=True):
                pipeline.zrevrangebyscore(index, highest, lowest, start=start, num=size, withscores=True)
            lists = pipeline.execute()
        places = (
            Place(score, kind, member)
            for (kind, _), found in zip(indexes, lists, strict=True)
            for member, score in found
        )
        return heapq.nlargest(size, places)

    def _passed(self, indexes: list[tuple[Kind, str]], begins: Place) -> list[int]:
        """How many members of each list have the place's time but come no later than it in the order of the pages."""
        score = f"{begins.score:.0f}"
        pipeline = self._client.pipeline(transaction=False)
        for _, index in indexes:
            pipeline.zcount(index, "-inf", f"({score}")
            pipeline.zcount(index, score, score)
        counts = iter(pipeline.execute())
        return [self._tied(kind, index, begins, next(counts), next(counts)) for kind, index in indexes]

    def _tied(self, kind: Kind, index: str, begins: Place, older: int, tied: int) -> int:
        """The same of one list: found by halving, as a hundred thousand jobs can share one time."""

        def place(rank: int) -> Place:
            members: list[Any] = self._client.zrange(index, rank, rank)
            return Place(begins.score, kind, str(next(iter(members), "")))

        end = older + tied
        return end - bisect_left(range(end), begins, lo=older, key=place)

    def _indexes(self, wanted: Filter) -> Iterator[tuple[Kind, str]]:
        list_name = wanted.state or "recent"
        for kind in self._kinds(wanted):
            for system_id in self._systems(wanted):
                if not wanted.code:
                    yield kind, f"{self._prefix}{list_name}:{kind}:{system_id}"
                elif wanted.state in {None, State.FAILED}:
                    yield kind, f"{self._prefix}code:{kind}:{system_id}:{wanted.code}"

    def _groups(self, kind: Kind) -> Iterator[Group]:
        with available():
            names = sorted(map(str, self._client.smembers(f"{self._prefix}codes:{kind}")))
            pipeline = self._client.pipeline(transaction=False)
            for name in names:
                index = f"{self._prefix}code:{kind}:{name}"
                pipeline.zcard(index)
                pipeline.zrange(index, 0, 0, withscores=True)
                pipeline.zrange(index, -1, -1, withscores=True)
                pipeline.zrange(index, -SUSPICIOUS, -SUSPICIOUS, withscores=True)
                pipeline.hget(f"{self._prefix}last_done:{kind}", name.split(":")[0])
            answers = iter(pipeline.execute())
            for name in names:
                count, first, last, fifth, done = (next(answers) for _ in range(5))
                if count:
                    system_id, code = name.split(":")
                    is_suspicious = bool(fifth) and float(done or 0) < fifth[0][1]
                    yield Group(
                        int(system_id), kind, code, count, moment(first[0][1]), moment(last[0][1]), is_suspicious
                    )

    def _members(self, index: str, start: int) -> list[str]:
        with available():
            members: list[Any] = self._client.zrange(index, start, start + 10 * PAGE - 1)
        return members

    def _kinds(self, wanted: Filter) -> list[Kind]:
        return [wanted.kind] if wanted.kind else list(Kind)

    def _systems(self, wanted: Filter) -> list[int]:
        return self._ledger.systems() if wanted.system_id is None else [wanted.system_id]


def _bounds(wanted: Filter) -> tuple[str, str]:
    lowest = f"{wanted.since.timestamp() * 1000:.0f}" if wanted.since else "-inf"
    highest = f"{wanted.until.timestamp() * 1000:.0f}" if wanted.until else "+inf"
    return lowest, highest


def _code_of(record: Record) -> str:
    return record.failure.code if record.failure else ""
