"""Batches: the jobs that somebody asked for together on a page, and what has come of each so far.

A batch holds ids alone, for a day after it last changed. It decides nothing: the jobs run as they would without it.
  <prefix>batch:<id>         hash: system_id, total, at (when it began), of (its source), dropped (how many entries
                             named a customer again), and how many jobs came to each ended:<outcome>
  <prefix>batch:<id>:cursor  where the next look at those behind the first page goes on
  <prefix>batch:<id>:open    sorted set of <kind>:<customer id>:<version> that have not ended, in their order
  <prefix>batch:<id>:failed  sorted set of <kind>:<customer id> that have failed, in the same order
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis

from worker.jobs.asking import Source
from worker.jobs.job import PAGE, Job, Kind, State
from worker.ledger.outcome import Outcome, has_ended, subscription_version
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
ENDED: Final = "ended:"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it stood when it was looked at."""

    system_id: int
    total: int
    """How many customers it has."""
    remaining: int
    """How many of them have not ended; a customer that has a subscription job ends with that."""
    begun_at: datetime | None
    source: Source
    """Whether it is of a Manual Sync or of a re-run."""
    counts: Counter[str]
    """How many jobs have come to each outcome, by its name."""
    shown: list[Job]
    """The first jobs that have failed, then the first that rest until their next try."""
    dropped: int = 0
    """How many entries were dropped, as they named a customer again."""

    @property
    def ended(self) -> int:
        """How many customers have ended."""
        return self.total - self.remaining


class _Open(NamedTuple):
    """A job that has not ended, and its place in the batch."""

    job: Job
    version: int
    place: float

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

    def begin(self, system_id: int, source: Source = Source.MANUAL_SYNC, *, dropped: int = 0) -> str:
        """Begin a batch of jobs of one connection; its id can't be guessed."""
        batch_id = secrets.token_urlsafe(16)
        with available(), self._client.pipeline() as pipeline:
            seconds, _ = self._client.time()
            pipeline.hset(
                self._key(batch_id), mapping={"system_id": system_id, "at": seconds * 1000, "of": str(source)}
            )
            if dropped:
                pipeline.hset(self._key(batch_id), "dropped", dropped)
            self._keep(pipeline, batch_id)
            pipeline.execute()
        return batch_id

    def add(self, batch_id: str, versions: Mapping[Job, int]) -> None:
        """Add jobs that were requested, each with its wanted version."""
        with available(), self._client.pipeline() as pipeline:
            total = int(self._client.hincrby(self._key(batch_id), "total", len(versions)))
            places = enumerate(versions.items(), total - len(versions))
            members = {_Open(job, version, place).member: place for place, (job, version) in places}
            pipeline.zadd(self._key(batch_id, "open"), members)
            self._keep(pipeline, batch_id)
            pipeline.execute()

    def look(self, batch_id: str) -> Batch | None:
        """What has come of a batch; None if there is none, or not any more.

        One look takes a few pages of the jobs that have not ended, however many there are: those in front, as jobs
        run in their order, and one more page, a later one each time, as some of those behind may have overtaken.
        """
        with available():
            system_id = int(self._client.hget(self._key(batch_id), "system_id") or 0)
            if not system_id:
                return None
            resting = self._look_in_front(batch_id, system_id)
            self._look_behind(batch_id, system_id)
            return self._read(batch_id, system_id, resting[:SHOWN])

    def failed(self, batch_id: str) -> list[Job]:
        """Its jobs that have failed, as far as somebody has looked; none if there is no such batch."""
        with available():
            system_id = int(self._client.hget(self._key(batch_id), "system_id") or 0)
            members: Any = self._client.zrange(self._key(batch_id, "failed"), 0, -1)
        parts = (member.split(":") for member in members)
        return [Job(Kind(kind), system_id, customer_id) for kind, customer_id in parts]

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
        with self._client.pipeline() as pipeline:
            opens = self._page(pipeline, batch_id, system_id, start)
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
            return _Look(len(opens), len(ended), resting)

    def _page(self, pipeline: Any, batch_id: str, system_id: int, start: int) -> list[_Open]:
        """A page of the open jobs; nothing that `pipeline` does is done if they change meanwhile."""
        pipeline.watch(self._key(batch_id, "open"))
        page = pipeline.zrange(self._key(batch_id, "open"), start, start + PAGE - 1, withscores=True)
        parts = ((*member.split(":"), place) for member, place in page)
        return [_Open(Job(Kind(kind), system_id, each), int(version), place) for kind, each, version, place in parts]

    def _end(self, pipeline: Any, batch_id: str, ended: Sequence[tuple[_Open, Record | None]]) -> None:
        """Count jobs by their outcome instead of keeping them open; after some, their subscription job opens."""
        added = defaultdict[str, dict[str, float]](dict)
        counts = Counter[str]()
        for (job, _, place), record in ended:
            outcome = Outcome.of(job, record)
            counts[f"{ENDED}{outcome.name}"] += 1
            if outcome.state == State.FAILED:
                added["failed"][f"{job.kind}:{job.customer_id}"] = place
            if version := subscription_version(record):
                added["open"][_Open(job.subscription, version, place).member] = place
        pipeline.zrem(self._key(batch_id, "open"), *(each.member for each, _ in ended))
        for name, count in counts.items():
            pipeline.hincrby(self._key(batch_id), name, count)
        for name, places in added.items():
            pipeline.zadd(self._key(batch_id, name), places)
        self._keep(pipeline, batch_id)

    def _read(self, batch_id: str, system_id: int, resting: list[Job]) -> Batch:
        pipeline = self._client.pipeline()
        pipeline.hgetall(self._key(batch_id))
        pipeline.zcard(self._key(batch_id, "open"))
        pipeline.zrange(self._key(batch_id, "failed"), 0, SHOWN - 1)
        fields, remaining, failed = pipeline.execute()
        counts = {name.removeprefix(ENDED): int(count) for name, count in fields.items() if name.startswith(ENDED)}
        jobs = (member.split(":") for member in failed)
        return Batch(
            system_id=system_id,
            total=int(fields.get("total", 0)),
            remaining=remaining,
            begun_at=moment(fields.get("at")),
            source=Source(fields.get("of", Source.MANUAL_SYNC)),
            counts=Counter(counts),
            shown=[*(Job(Kind(kind), system_id, customer_id) for kind, customer_id in jobs), *resting],
            dropped=int(fields.get("dropped", 0)),
        )

    def _keep(self, pipeline: Any, batch_id: str) -> None:
        """Keep the batch for another day. Its hash ends first: without it, nobody takes the other keys for a batch."""
        for name in ("", "open", "failed"):
            pipeline.expire(self._key(batch_id, name), KEPT_SECONDS)

    def _key(self, batch_id: str, name: str = "") -> str:
        return f"{self._prefix}batch:{batch_id}:{name}".rstrip(":")
