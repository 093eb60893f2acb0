"""Where every store stands at one moment: four round trips to Redis, however many stores there are.

The metrics, `status` and the pages all show these figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.calls import Api
from worker.jobs.job import Kind, State
from worker.jobs.routes import QUEUES
from worker.ledger import keys
from worker.ledger.records import Counts, Hold, Record, moment
from worker.ledger.scripting import Found, together
from worker.ledger.totals import Presence, Refusals, Totals, met_without_row, read_totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import redis
    from redis.client import Pipeline

    from worker.ledger.limits import StoreLimits

FIRST: Final = 5
"""How many jobs of a lane are looked at, which stand in the order of their age. Only if a store has stood still for
a day do background jobs stand behind younger ones; what is shown of it is then too little by a day at most."""


@dataclass(frozen=True, slots=True)
class Use:
    """What counts against the limits of one store's throttle now; a limit is None if there is none."""

    system_id: int
    queued: int
    under_way: int
    concurrent: int
    stamped_calls: int
    stamped_limit: int | None
    stamped_seconds: float | None
    ipaas_calls: int
    ipaas_limit: int | None
    ipaas_seconds: float | None


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """Where one store stands."""

    system_id: int
    counts: Mapping[Kind, Counts]
    oldest_queued: Mapping[Kind, datetime | None]
    """Since when the job waits that has waited longest for its turn, whether it is debug, background or neither."""
    under_way: int
    """How many of its jobs have a message or run."""
    calls: Mapping[Api, int]
    """How many calls count against the limit of each API now, those of the jobs under way included."""
    hold: Hold | None
    presence: Mapping[Kind, Presence]

    @property
    def queued(self) -> int:
        """How many of its jobs wait for their turn."""
        return sum(each.queued for each in self.counts.values())

    def use_of(self, limits: StoreLimits) -> Use:
        """How far its throttle is used."""
        stamped, ipaas = limits.stamped, limits.ipaas
        return Use(
            system_id=self.system_id,
            queued=self.queued,
            under_way=self.under_way,
            concurrent=limits.concurrent,
            stamped_calls=self.calls[Api.STAMPED],
            stamped_limit=stamped.calls if stamped else None,
            stamped_seconds=stamped.seconds if stamped else None,
            ipaas_calls=self.calls[Api.IPAAS],
            ipaas_limit=ipaas.calls if ipaas else None,
            ipaas_seconds=ipaas.seconds if ipaas else None,
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """Where every store stands, and what is known of all of them together."""

    stores: Mapping[int, StoreFigures]
    """By system id: those that ever had a job, and the configured ones."""
    limits: Mapping[int, StoreLimits]
    """What each configured store allows."""
    queues: Mapping[str, int]
    """How many messages wait in each of the broker's queues."""
    next_due: Mapping[Kind, Record | None]
    """Of each kind, the job that is tried again first among those that rest."""
    refusals: Refusals
    totals: Totals
    seconds_since_sweep: float | None
    """How long ago the last sweep began, by Redis' clock; None if there was none yet."""

    def counts(self, kind: Kind) -> Counts:
        """How many jobs of a kind there are in each state."""
        return Counts(**self.by_state(kind=kind))

    def by_state(self, system_id: int | None = None, kind: Kind | None = None) -> dict[State, int]:
        """How many jobs there are in each state, of one store or all, of one kind or both."""
        each = [
            store.counts[of]
            for of, store in product([kind] if kind else Kind, self.stores.values())
            if system_id in {None, store.system_id}
        ]
        return {state: sum(getattr(counts, state) for counts in each) for state in State}

    def oldest_queued(self, kind: Kind) -> datetime | None:
        """Since when the job of a kind waits that has waited longest for its turn."""
        each = (store.oldest_queued[kind] for store in self.stores.values())
        return min(filter(None, each), default=None)

    @property
    def uses(self) -> list[Use]:
        """How far the throttle of each configured store is used, in the order of their file."""
        return [self.stores[system_id].use_of(limits) for system_id, limits in self.limits.items()]

    @property
    def holds(self) -> list[Hold]:
        """The stores that are held, or were and have yet to prove themselves."""
        return [store.hold for store in self.stores.values() if store.hold]

    @property
    def vanished(self) -> int:
        """How many jobs Redis has lost: those that are in no list any more, and those that lack their record alone."""
        gone = sum(store.presence[kind].vanished for store, kind in product(self.stores.values(), Kind))
        return gone + sum(met_without_row(self.totals, kind) for kind in Kind)


def read_figures(client: redis.Redis, limits: Mapping[int, StoreLimits]) -> Figures:
    """Read them all; also those of the stores with limits that the ledger does not know, or not any more."""
    look = _Look(client, limits)
    look.ask_common()
    look.ask_presence()
    look.ask_stores()
    look.ask_jobs()
    return look.figures()


class _Look:
    """One look at the ledger: each step is a round trip, and asks for what the steps before it have found."""

    def __init__(self, client: redis.Redis, limits: Mapping[int, StoreLimits]) -> None:
        self._client = client
        self._limits = limits
        self._found: Found = {}
        self._systems: list[int] = []
        self._now_ms = 0

    # What is asked for ------------------------------------------------------------------------------------------------

    def ask_common(self) -> None:
        """Which stores there are, and what belongs to none of them."""
        with together(self._client, self._found) as ask:
            ask("time").time()
            ask("systems").smembers(keys.SYSTEMS)
            ask("swept at").hget(keys.DONE_AT, "sweep")
            for queue in QUEUES:
                ask("queue", queue).llen(queue)
            for key in keys.REFUSAL_LISTS:
                ask("refused", key).zcard(key)
        self._systems = sorted({*map(int, self._of("systems")), *self._limits})
        seconds, microseconds = self._of("time")
        self._now_ms = int(seconds) * 1000 + int(microseconds) // 1000

    def ask_presence(self) -> None:
        """The counts that only grow, and at the same instant how many jobs there are: a sweep may forget some."""
        with together(self._client, self._found, atomic=True) as ask:
            ask("totals").hgetall(keys.TOTALS)
            for kind, system_id in product(Kind, self._systems):
                ask("present", kind, system_id).zcard(keys.of(keys.RECENT, kind, system_id))

    def ask_stores(self) -> None:
        """Where each store stands."""
        with together(self._client, self._found) as ask:
            for system_id in self._systems:
                ask("under way", system_id).scard(keys.of(keys.ADMITTED, system_id))
                ask("hold", system_id).hgetall(keys.of(keys.HOLD, system_id))
                for api in Api:
                    slots = keys.of(keys.SLOTS, api.key, system_id)
                    ask("calls", api, system_id).zcount(slots, f"({self._now_ms}", "+inf")
                for kind in Kind:
                    self._ask_lists(ask, kind, system_id)

    def _ask_lists(self, ask: Callable[..., Pipeline], kind: Kind, system_id: int) -> None:
        for state in State:
            ask("count", state, kind, system_id).zcard(keys.of(state, kind, system_id))
        ask("due", kind, system_id).zrange(keys.of(State.WAITING, kind, system_id), 0, 0, withscores=True)
        queued = keys.of(State.QUEUED, kind, system_id)
        for lowest, highest in self._lanes():
            ask("lane", lowest, kind, system_id).zrangebyscore(queued, lowest, highest, start=0, num=FIRST)

    def ask_jobs(self) -> None:
        """When the first jobs of each lane were queued, and the jobs that are due next."""
        with together(self._client, self._found) as ask:
            for kind, system_id in product(Kind, self._systems):
                for member in self._first_queued(kind, system_id):
                    ask("queued at", kind, member).hget(keys.of(keys.JOB, kind, member), "queued_at")
            for kind in Kind:
                if member := self._first_due(kind):
                    ask("next due", kind).hgetall(keys.of(keys.JOB, kind, member))

    def _lanes(self) -> Iterator[tuple[str, str]]:
        """The lanes of a store's queue, each the places from a lowest to a highest one.

        See `place_of` in `_job.lua`: a debug job's place is below 0, another's is when it was queued, but a day later
        for one of the background. So the first of the whole queue need not be the oldest.
        """
        yield "-inf", "0"
        yield "(0", str(self._now_ms)
        yield f"({self._now_ms}", "+inf"

    # What was found ---------------------------------------------------------------------------------------------------

    def figures(self) -> Figures:
        """The figures, once all is asked."""
        totals = read_totals(self._of("totals"))
        return Figures(
            stores={system_id: self._store(system_id, totals) for system_id in self._systems},
            limits=self._limits,
            queues={queue: self._of("queue", queue) for queue in QUEUES},
            next_due={kind: self._next_due(kind) for kind in Kind},
            refusals=Refusals.read(totals, sum(self._of("refused", key) for key in keys.REFUSAL_LISTS)),
            totals=totals,
            seconds_since_sweep=self._seconds_since_sweep(),
        )

    def _seconds_since_sweep(self) -> float | None:
        swept_at = self._of("swept at")
        return max(self._now_ms - int(swept_at), 0) / 1000 if swept_at else None

    def _store(self, system_id: int, totals: Totals) -> StoreFigures:
        now = datetime.fromtimestamp(self._now_ms / 1000, UTC)
        return StoreFigures(
            system_id=system_id,
            counts={kind: self._counts(kind, system_id) for kind in Kind},
            oldest_queued={kind: self._oldest_queued(kind, system_id) for kind in Kind},
            under_way=self._of("under way", system_id),
            calls={api: self._of("calls", api, system_id) for api in Api},
            hold=Hold.read(system_id, self._of("hold", system_id), now),
            presence={
                kind: Presence.read(totals, kind, system_id, self._of("present", kind, system_id)) for kind in Kind
            },
        )

    def _counts(self, kind: Kind, system_id: int) -> Counts:
        return Counts(**{state: self._of("count", state, kind, system_id) for state in State})

    def _oldest_queued(self, kind: Kind, system_id: int) -> datetime | None:
        times = (self._of("queued at", kind, member) for member in self._first_queued(kind, system_id))
        return moment(min(map(float, filter(None, times)), default=None))

    def _next_due(self, kind: Kind) -> Record | None:
        member = self._first_due(kind)
        if not member:
            return None
        return Record.read(keys.job_of(kind, member), self._of("next due", kind))

    def _first_queued(self, kind: Kind, system_id: int) -> list[str]:
        return [member for lowest, _ in self._lanes() for member in self._of("lane", lowest, kind, system_id)]

    def _first_due(self, kind: Kind) -> str:
        """The member that is due first of all stores'; empty if none rests."""
        firsts = (first for system_id in self._systems for first in self._of("due", kind, system_id))
        return min(((due, member) for member, due in firsts), default=(0, ""))[1]

    def _of(self, *name: object) -> Any:
        return self._found[name]
