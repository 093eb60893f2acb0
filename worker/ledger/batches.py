"""Batches: the customers that somebody asked for together on the Manual Sync page, and what has come of each so far.

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
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis

from worker.jobs.job import Action, Job, Kind, State
from worker.jobs.pages import PAGE
from worker.ledger.outcome import MISSING, Outcome, has_ended, subscription_version
from worker.ledger.records import moment
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from worker.ledger.outcome import Records
    from worker.ledger.records import Record

KEPT_SECONDS: Final = 24 * 60 * 60
PAGES: Final = 4
"""How many pages one look takes at most from the front, where most jobs end first."""
SHOWN: Final = 50
"""How many of the failed jobs, and of those that rest, a look answers at most."""
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


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stood when it was looked at."""

    system_id: int
    total: int
    """How many customers it has."""
    remaining: int
    """How many of them have not ended; a customer that has a subscription job ends with that."""
    begun_at: datetime | None
    counts: Mapping[tuple[Kind, str], int]
    """How many jobs have ended in each way; a way in which none has ended is left out."""
    failed: list[Job] = field(default_factory=list)
    """The first jobs that have failed."""
    resting: list[Job] = field(default_factory=list)
    """The first jobs that rest until their next try."""

    @property
    def ended(self) -> int:
        """How many customers have ended."""
        return self.total - self.remaining


class _Open(NamedTuple):
    """A job that has not ended, and its place in the batch."""

    job: Job
    version: int
    place: float

    @classmethod
    def read(cls, system_id: int, member: str, place: float) -> _Open:
        kind, customer_id, version = member.split(":")
        return cls(Job(Kind(kind), system_id, customer_id), int(version), place)

    @property
    def member(self) -> str:
        return f"{self.job.kind}:{self.job.customer_id}:{self.version}"


class _Look(NamedTuple):
    """What a page of open jobs came to."""

    size: int
    ended: int
    resting: list[Job]


class Batches:
    """The batches of a ledger. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, prefix: str, ledger: Records) -> None:
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
            places = enumerate(versions.items(), total - len(versions))
            members = {f"{Kind.CUSTOMER}:{each}:{version}": float(place) for place, (each, version) in places}
            pipeline = self._client.pipeline()
            self._put(pipeline, self._key(batch_id, "open"), members)
            pipeline.execute()

    def look(self, batch_id: str) -> Batch | None:
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
            return self._read(batch_id, fields, resting[:SHOWN])

    def _look_in_front(self, batch_id: str, system_id: int) -> list[Job]:
        """Take those in front that have ended: the jobs of the first page behind them that rest."""
        for _ in range(PAGES - 1):
            look = self._look_at(batch_id, system_id, 0)
            if not look.ended:
                return look.resting
        return self._look_at(batch_id, system_id, 0).resting

    def _look_behind(self, batch_id: str, system_id: int) -> None:
        key = self._key(batch_id, "cursor")
        start = int(self._client.get(key) or PAGE)
        look = self._look_at(batch_id, system_id, start)
        cursor = start + PAGE - look.ended if look.size == PAGE else PAGE
        self._client.set(key, cursor, ex=KEPT_SECONDS)

    def _look_at(self, batch_id: str, system_id: int, start: int) -> _Look:
        """Take those that have ended from a page of open jobs."""
        key = self._key(batch_id, "open")
        with self._client.pipeline() as pipeline:
            pipeline.watch(key)  # type: ignore[no-untyped-call]
            page: list[tuple[str, float]] = pipeline.zrange(  # type: ignore[assignment] # while it watches, it answers
                key, start, start + PAGE - 1, withscores=True
            )
            opens = [_Open.read(system_id, *each) for each in page]
            records = self._ledger.records([each.job for each in opens])
            resting = [record.job for record in records if record and record.state is State.WAITING]
            pairs = zip(opens, records, strict=True)
            ended = [(each, record) for each, record in pairs if has_ended(record, each.version)]
            pipeline.multi()
            if ended:
                self._end(pipeline, batch_id, ended)
            try:
                pipeline.execute()
            except redis.WatchError:
                ended = []  # Whoever looked at the same time has taken them: otherwise a job could be counted twice.
            return _Look(len(page), len(ended), resting)

    def _end(self, pipeline: Any, batch_id: str, ended: Sequence[tuple[_Open, Record | None]]) -> None:
        """Move jobs from the open ones to those of their outcome; behind some, their subscription job opens."""
        moved = defaultdict[str, dict[str, float]](dict)
        for (job, _, place), record in ended:
            moved[self._key(batch_id, job.kind, Outcome.of(job, record).name)][job.customer_id] = place
            if version := subscription_version(record):
                moved[self._key(batch_id, "open")][_Open(job.subscription, version, place).member] = place
        pipeline.zrem(self._key(batch_id, "open"), *(each.member for each, _ in ended))
        for key, places in moved.items():
            self._put(pipeline, key, places)

    def _put(self, pipeline: Any, key: str, places: Mapping[str, float]) -> None:
        """Add to a sorted set and keep it for another day: one that was empty begins without an end."""
        pipeline.zadd(key, places)
        pipeline.expire(key, KEPT_SECONDS)

    def _read(self, batch_id: str, fields: Mapping[str, str], resting: list[Job]) -> Batch:
        pipeline = self._client.pipeline()
        pipeline.zcard(self._key(batch_id, "open"))
        for kind in Kind:
            pipeline.zrange(self._key(batch_id, kind, FAILED), 0, SHOWN - 1)
        for kind, outcome in OUTCOMES:
            pipeline.zcard(self._key(batch_id, kind, outcome))
        remaining, *rest = pipeline.execute()
        failed, sizes = rest[: len(Kind)], rest[len(Kind) :]
        system_id = int(fields["system_id"])
        return Batch(
            system_id=system_id,
            total=int(fields.get("total", 0)),
            remaining=remaining,
            begun_at=moment(fields["at"]),
            counts={each: size for each, size in zip(OUTCOMES, sizes, strict=True) if size},
            failed=[Job(kind, system_id, each) for kind, ids in zip(Kind, failed, strict=True) for each in ids][:SHOWN],
            resting=resting,
        )

    def _key(self, batch_id: str, *more: str) -> str:
        return ":".join([f"{self._prefix}batch:{batch_id}", *more])
