"""Reads the ledger, changing nothing."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import redis

from worker.jobs.job import PAGE, Kind, State
from worker.ledger import keys
from worker.ledger.hold import Hold
from worker.ledger.limits import NotedLimits
from worker.ledger.records import Counts, Record, Refusal, moment
from worker.ledger.scripting import Found, available, in_one_trip, together
from worker.ledger.views.totals import Refusals, read_totals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.jobs.job import Job
    from worker.ledger.limits import StoreLimits
    from worker.ledger.views.activity import Activity
    from worker.ledger.views.figures import Figures


class Reading:
    """The ledger's views. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, limits: Mapping[int, StoreLimits]) -> None:
        self._client = client
        self._limits = limits

    member = staticmethod(keys.member_of)
    job_of = staticmethod(keys.job_of)
    key = staticmethod(keys.row_of)

    @cached_property
    def activity(self) -> Activity:
        """The jobs as an operator looks at them."""
        from worker.ledger.views.activity import Activity  # noqa: PLC0415 - whoever hands jobs over need not wait for it

        return Activity(self._client, self)

    def ping(self) -> None:
        """Prove that Redis answers."""
        with available():
            self._client.ping()

    def record(self, job: Job) -> Record | None:
        """One job, or None if the ledger does not hold it."""
        return self.records([job])[0]

    def records(self, jobs: Sequence[Job]) -> list[Record | None]:
        """Many jobs in one round trip."""
        found = in_one_trip(self._client, lambda trip: [trip.hgetall(keys.row_of(job)) for job in jobs])
        return [Record.read(job, fields) for job, fields in zip(jobs, found, strict=True)]

    def counts(self, kind: Kind) -> Counts:
        """How many jobs of a kind there are in each state."""
        return Counts(**self.activity.counts_of(kind=kind))

    def figures(self) -> Figures:
        """Where every store stands: those that ever had a job, and those that are configured."""
        from worker.ledger.views.figures import read_figures  # noqa: PLC0415 - as above

        return read_figures(self._client, self._limits)

    def last_done(self) -> dict[int, datetime]:
        """When a job of each store last ended well."""
        found = in_one_trip(self._client, lambda trip: [trip.hgetall(keys.of(keys.LAST_DONE, kind)) for kind in Kind])
        latest: dict[int, float] = {}
        for system_id, at in chain(*(each.items() for each in found)):
            latest[int(system_id)] = max(float(at), latest.get(int(system_id), 0))
        return {system_id: datetime.fromtimestamp(at / 1000, UTC) for system_id, at in latest.items()}

    def backlog(self, system_id: int) -> int:
        """How many jobs of a store wait for their turn, or rest before they are tried again."""
        counts = self.activity.counts_of(system_id)
        return counts[State.QUEUED] + counts[State.WAITING]

    def refusals(self, limit: int = PAGE) -> list[Refusal]:
        """The notifications that were not accepted and are kept, newest first."""
        lists = in_one_trip(
            self._client,
            lambda trip: [trip.zrevrange(key, 0, limit - 1, withscores=True) for key in keys.REFUSAL_LISTS],
        )
        noted = sorted(chain(*lists), key=lambda each: each[1], reverse=True)[:limit]
        return [Refusal(**json.loads(text), at=moment(score), kept_as=text) for text, score in noted]

    def refused(self) -> Refusals:
        """How many notifications were not accepted, and how many of them are kept."""
        found: Found = {}
        with available(), together(self._client, found) as ask:
            ask("totals").hgetall(keys.TOTALS)
            for key in keys.REFUSAL_LISTS:
                ask("kept", key).zcard(key)
        return Refusals.read(read_totals(found["totals",]), sum(found["kept", key] for key in keys.REFUSAL_LISTS))

    def systems(self) -> list[int]:
        """The systems that ever had a job."""
        with available():
            return sorted(map(int, self._client.smembers(keys.SYSTEMS)))

    def holds(self) -> list[Hold]:
        """What people see: the stores that are paused, held, or have yet to prove themselves. A pause hides a hold."""
        systems = self.systems()
        held = {each.system_id: each for each in self.held()}
        now, pauses = in_one_trip(self._client, lambda trip: (trip.time(), trip.hgetall(keys.PAUSED)))
        for system_id, noted in pauses.items():
            held[int(system_id)] = Hold.of_pause(int(system_id), noted, _time(now))
        return [held[each] for each in systems if each in held]

    def hold_of(self, system_id: int) -> Hold | None:
        """The pause or the hold of one store, or None: what people see."""
        paused, now = in_one_trip(self._client, lambda trip: (trip.hget(keys.PAUSED, system_id), trip.time()))
        return Hold.of_pause(system_id, paused, _time(now)) if paused else self.held_of(system_id)

    def held(self) -> list[Hold]:
        """The stores that are held, paused or not, or were and have yet to prove themselves."""
        return self._held(self.systems())

    def held_of(self, system_id: int) -> Hold | None:
        """The hold of one store, paused or not, or None."""
        return next(iter(self._held([system_id])), None)

    def hold_for(self, system_id: int, api: str) -> Hold | None:
        """The hold of one store, if this API began it and its time is not over."""
        hold = self.held_of(system_id)
        return hold if hold and hold.api == api and not hold.is_over else None

    def next_slot(self, system_id: int, api: str) -> float | None:
        """Seconds until a call that counts against an API's limit no longer does; None if nobody knows yet."""
        slots = keys.of(keys.SLOTS, api, system_id)
        now, first = in_one_trip(self._client, lambda trip: (trip.time(), trip.zrange(slots, 0, 0, withscores=True)))
        ends = [score for _, score in first if math.isfinite(score)]  # that of a job under way has no end yet
        return ends[0] / 1000 - _time(now).timestamp() if ends else None

    def _held(self, systems: Sequence[int]) -> list[Hold]:
        hashes = [keys.of(keys.HOLD, system_id) for system_id in systems]
        now, *found = in_one_trip(self._client, lambda trip: (trip.time(), *(trip.hgetall(each) for each in hashes)))
        held = (Hold.read(system_id, fields, _time(now)) for system_id, fields in zip(systems, found, strict=True))
        return [hold for hold in held if hold]


def known_limits(
    client: redis.Redis, given: Mapping[int, StoreLimits], own: dict[str, str]
) -> Mapping[int, StoreLimits]:
    """The limits of every connection; Redis is looked at only if the connections file leaves some out.

    `own`: what this process has noted of them.
    """
    if not any(each.unsaid for each in given.values()):
        return given

    def look() -> Any:
        try:
            return client.hgetall(keys.LIMITS)
        except redis.RedisError:
            return None  # the step that needs them says so

    def write(system_id: str, text: str) -> None:
        with available():
            client.hset(keys.LIMITS, system_id, text)

    return NotedLimits(given, look, write, own=own)


def _time(answer: Sequence[int]) -> datetime:
    """What Redis answered to TIME."""
    seconds, microseconds = answer
    return datetime.fromtimestamp(int(seconds) + int(microseconds) / 1_000_000, UTC)
