"""Batches: the customers that somebody asked for together, and what has come of each so far.

A batch holds ids alone, for a day. It decides nothing: the jobs run as they would without it.
  <prefix>batch:<id>                   hash: system_id, total, and when it began
  <prefix>batch:<id>:cursor            where the next look at those behind the first page goes on
  <prefix>batch:<id>:open              sorted set of <kind>:<customer id>:<version> that have not ended, in their order
  <prefix>batch:<id>:<kind>:<outcome>  sorted set of the customer ids that have, in the same order
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import redis

from worker.jobs.job import Action, Job, Kind, State
from worker.ledger.records import moment
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from worker.ledger.records import Record

KEPT_SECONDS: Final = 24 * 60 * 60
PAGE: Final = 500
"""How many jobs are looked at together."""
PAGES: Final = 4
"""How many pages one look takes at most from the front, where most jobs end first."""
MISSING: Final = "missing"
"""What became of a job that the ledger does not hold any more: somebody discarded it."""
FAILED: Final = str(State.FAILED)

OUTCOMES: Final = (
    (Kind.CUSTOMER, Action.CREATED),
    (Kind.CUSTOMER, Action.UPDATED),
    (Kind.SUBSCRIPTION, Action.SUBSCRIBED),
    (Kind.SUBSCRIPTION, Action.UNSUBSCRIBED),
    (Kind.SUBSCRIPTION, Action.UNCHANGED),
    (Kind.CUSTOMER, FAILED),
    (Kind.SUBSCRIPTION, FAILED),
    (Kind.CUSTOMER, MISSING),
    (Kind.SUBSCRIPTION, MISSING),
)
"""Every way in which a job can end."""


class Jobs(Protocol):
    """What a batch needs of the ledger."""

    def records(self, jobs: Sequence[Job]) -> list[Record | None]:
        """Many jobs."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stood when it was looked at."""

    id: str
    system_id: int
    total: int
    """How many customers it has."""
    remaining: int
    """How many of them have not ended; one ends with its subscription job, where it has one."""
    begun_at: datetime | None
    counts: Mapping[tuple[Kind, str], int]
    """How many jobs have ended in each way, those that none has ended in left out."""
    failed: list[Job] = field(default_factory=list)
    """The first jobs that have failed."""
    resting: list[Job] = field(default_factory=list)
    """The first jobs that rest for their next try."""

    @property
    def ended(self) -> int:
        """How many customers have ended."""
        return self.total - self.remaining


class _Open(NamedTuple):
    """A job that has not ended, and its place in the batch."""

    kind: Kind
    customer_id: str
    version: int
    place: float

    @classmethod
    def read(cls, member: str, place: float) -> _Open:
        kind, customer_id, version = member.split(":")
        return cls(Kind(kind), customer_id, int(version), place)

    @property
    def member(self) -> str:
        return f"{self.kind}:{self.customer_id}:{self.version}"


class _Look(NamedTuple):
    """What a page of open jobs came to."""

    size: int
    ended: int
    resting: list[Job]


class Batches:
    """The batches of a ledger. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, prefix: str, ledger: Jobs) -> None:
        self._client = client
        self._prefix = prefix
        self._ledger = ledger

    def begin(self, system_id: int) -> str:
        """Begin a batch of customers of one connection; its id can't be guessed."""
        batch_id = secrets.token_urlsafe(16)
        with available():
            seconds, _ = self._client.time()
            pipeline = self._client.pipeline()
            pipeline.hset(self._key(batch_id), mapping={"system_id": system_id, "at": seconds * 1000})
            pipeline.expire(self._key(batch_id), KEPT_SECONDS)
            pipeline.execute()
        return batch_id

    def add(self, batch_id: str, versions: Mapping[str, int]) -> None:
        """Add customers that were requested, each with the wanted version of its customer job."""
        with available():
            total = int(self._client.hincrby(self._key(batch_id), "total", len(versions)))
            places = range(total - len(versions), total)
            members = {
                _Open(Kind.CUSTOMER, customer_id, version, place).member: place
                for place, (customer_id, version) in zip(places, versions.items(), strict=True)
            }
            pipeline = self._client.pipeline()
            pipeline.zadd(self._open_key(batch_id), members)
            pipeline.expire(self._open_key(batch_id), KEPT_SECONDS)
            pipeline.execute()

    def look(self, batch_id: str, shown: int = 50) -> Batch | None:
        """What has come of a batch; None if there is none, or not any more.

        One look takes a few pages of the jobs that have not ended, however many there are: those in front, as jobs
        run in their order, and one more page, a later one each time, as some of those behind may have overtaken.
        """
        with available():
            fields: dict[str, Any] = self._client.hgetall(self._key(batch_id))  # type: ignore[assignment]
            if not fields:
                return None
            system_id = int(fields["system_id"])
            resting = self._look_in_front(batch_id, system_id)
            self._look_behind(batch_id, system_id)
            return self._read(batch_id, fields, resting[:shown], shown)

    def _look_in_front(self, batch_id: str, system_id: int) -> list[Job]:
        resting: list[Job] = []
        for _ in range(PAGES):
            look = self._look_at(batch_id, system_id, 0)
            resting = look.resting
            if not look.ended:
                break
        return resting

    def _look_behind(self, batch_id: str, system_id: int) -> None:
        key = self._key(batch_id, "cursor")
        start = int(self._client.get(key) or PAGE)
        look = self._look_at(batch_id, system_id, start)
        cursor = start + PAGE - look.ended if look.size == PAGE else PAGE
        self._client.set(key, cursor, ex=KEPT_SECONDS)

    def _look_at(self, batch_id: str, system_id: int, start: int) -> _Look:
        """Take those that have ended from a page of open jobs. Whoever looks at the same time does it instead."""
        with self._client.pipeline() as pipeline:
            pipeline.watch(self._open_key(batch_id))  # type: ignore[no-untyped-call]
            page: list[tuple[str, float]] = pipeline.zrange(  # type: ignore[assignment] # while it watches, it answers
                self._open_key(batch_id), start, start + PAGE - 1, withscores=True
            )
            opens = [_Open.read(member, place) for member, place in page]
            jobs = [Job(each.kind, system_id, each.customer_id) for each in opens]
            records = self._ledger.records(jobs)
            resting = [record.job for record in records if record and record.state is State.WAITING]
            ended = [
                (each, record)
                for each, record in zip(opens, records, strict=True)
                if record is None or record.has_settled(each.version)
            ]
            pipeline.multi()
            if ended:
                self._end(pipeline, batch_id, ended)
            try:
                pipeline.execute()
            except redis.WatchError:
                return _Look(len(page), 0, resting)
            return _Look(len(page), len(ended), resting)

    def _end(self, pipeline: Any, batch_id: str, ended: Sequence[tuple[_Open, Record | None]]) -> None:
        """Move jobs from the open ones to those of their outcome; behind some, their subscription job opens."""
        outcomes = defaultdict[str, dict[str, float]](dict)
        following: dict[str, float] = {}
        for job, record in ended:
            outcome = (record.action or record.state) if record else MISSING
            outcomes[self._key(batch_id, job.kind, outcome)][job.customer_id] = job.place
            if record and record.state is State.DONE and job.kind is Kind.CUSTOMER and record.subscription_version:
                subscription = _Open(Kind.SUBSCRIPTION, job.customer_id, record.subscription_version, job.place)
                following[subscription.member] = job.place
        pipeline.zrem(self._open_key(batch_id), *(job.member for job, _ in ended))
        if following:
            pipeline.zadd(self._open_key(batch_id), following)
        for key, places in outcomes.items():
            pipeline.zadd(key, places)
            pipeline.expire(key, KEPT_SECONDS)

    def _read(self, batch_id: str, fields: Mapping[str, str], resting: list[Job], shown: int) -> Batch:
        pipeline = self._client.pipeline()
        pipeline.zcard(self._open_key(batch_id))
        for kind in Kind:
            pipeline.zrange(self._key(batch_id, kind, FAILED), 0, shown - 1)
        for kind, outcome in OUTCOMES:
            pipeline.zcard(self._key(batch_id, kind, outcome))
        remaining, *rest = pipeline.execute()
        failed, sizes = rest[: len(Kind)], rest[len(Kind) :]
        system_id = int(fields["system_id"])
        return Batch(
            id=batch_id,
            system_id=system_id,
            total=int(fields.get("total", 0)),
            remaining=remaining,
            begun_at=moment(fields["at"]),
            counts={each: size for each, size in zip(OUTCOMES, sizes, strict=True) if size},
            failed=[Job(kind, system_id, each) for kind, ids in zip(Kind, failed, strict=True) for each in ids][:shown],
            resting=resting,
        )

    def _open_key(self, batch_id: str) -> str:
        return f"{self._key(batch_id)}:open"

    def _key(self, batch_id: str, *more: str) -> str:
        return ":".join([f"{self._prefix}batch:{batch_id}", *more])
