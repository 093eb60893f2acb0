"""Where every store stands at one moment: one round trip to Redis for each fifty stores, and two more.

The metrics, `status` and the pages all show these figures.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.calls import Api
from worker.jobs.job import Kind, State, pages
from worker.jobs.routes import QUEUES
from worker.ledger import keys
from worker.ledger.hold import Hold
from worker.ledger.records import Counts, Record, moment
from worker.ledger.scripting import Found, available, source, together
from worker.ledger.views.totals import Presence, Refusals, Totals, met_without_row, read_totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import redis

    from worker.ledger.limits import StoreLimits

FIRST: Final = 5
"""How many jobs of a lane are looked at, which stand in the order of their age. Only if a store has stood still for
a day do background jobs stand behind younger ones; what is shown of it is then too little by a day at most."""
STORES_AT_ONCE: Final = 50
"""How many stores one script looks at: it keeps Redis from others for some milliseconds."""
OF_STORES: Final = "figures"
OF_ALL: Final = "known"
"""The scripts that look."""
KINDS: Final = tuple(Kind)
APIS: Final = tuple(Api)
"""As tuples: a step through an enumeration itself takes ten times as long, and there can be thousands of stores."""


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

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, is under way, or was called within its window."""
        return not (self.queued or self.under_way or self.stamped_calls or self.ipaas_calls)


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
    """Its pause, if a person has paused it; else its hold."""
    presence: Mapping[Kind, Presence]

    @property
    def queued(self) -> int:
        """How many of its jobs wait for their turn."""
        return sum(each.queued for each in self.counts.values())

    @property
    def unsettled(self) -> int:
        """How many of its jobs wait, rest or are under way."""
        return sum(each.queued + each.sent + each.running + each.waiting for each in self.counts.values())

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
    now: datetime
    """When they were read, by Redis' clock."""
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
    def unknown(self) -> dict[int, int]:
        """How many jobs wait of each store that is not configured, or not any more."""
        others = [store for store in self.stores.values() if store.system_id not in self.limits]
        return {store.system_id: store.unsettled for store in others if store.unsettled}

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
    """Read them all; also those of the stores with limits that the ledger does not know, or not any more.

    Raises LedgerUnavailable and ScriptFailed.
    """
    look = _Look(client)
    look.ask_common()
    look.ask_stores({*map(int, look.known["systems"]), *limits})
    look.ask_next_due()
    return look.figures(limits)


class _Look:
    """One look at the ledger: each step asks for what the steps before it have found."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._of_stores = client.register_script(source(OF_STORES))
        self._of_all = client.register_script(source(OF_ALL))
        self._stores: dict[int, dict[str, Any]] = {}
        self._due: Found = {}
        self._now_ms = 0
        self.known: dict[str, Any] = {}
        """See `known.lua`."""

    def ask_common(self) -> None:
        """Which stores there are, and what belongs to none of them."""
        places = [keys.SYSTEMS, keys.TOTALS, keys.DONE_AT, *keys.REFUSAL_LISTS]
        with available(OF_ALL):
            answer: Any = self._of_all(keys=places, args=QUEUES)
        self.known = json.loads(answer)
        self._now_ms = int(self.known["now"])

    def ask_stores(self, systems: Iterable[int]) -> None:
        """Where each store stands; see `figures.lua`."""
        for page in pages(sorted(systems), STORES_AT_ONCE):
            with available(OF_STORES):
                answer: Any = self._of_stores(args=[keys.PREFIX, self._now_ms, FIRST, *page])
            self._stores.update(zip(page, json.loads(answer), strict=True))

    def ask_next_due(self) -> None:
        """The jobs that are due next."""
        with available(), together(self._client, self._due) as ask:
            for kind in Kind:
                if member := self._first_due(kind):
                    ask(kind).hgetall(keys.of(keys.JOB, kind, member))

    def figures(self, limits: Mapping[int, StoreLimits]) -> Figures:
        """The figures, once all is asked."""
        totals = read_totals(self.known["totals"])
        return Figures(
            stores={system_id: self._store(system_id, found) for system_id, found in self._stores.items()},
            now=datetime.fromtimestamp(self._now_ms / 1000, UTC),
            limits=limits,
            queues={queue: self.known["queues"][queue] for queue in QUEUES},
            next_due={kind: self._next_due(kind) for kind in Kind},
            refusals=Refusals.read(totals, self.known["refusals"]),
            totals=totals,
            seconds_since_sweep=self._seconds_since_sweep(),
        )

    def _seconds_since_sweep(self) -> float | None:
        swept_at = self.known.get("swept_at")
        return max(self._now_ms - int(swept_at), 0) / 1000 if swept_at else None

    def _store(self, system_id: int, found: Mapping[str, Any]) -> StoreFigures:
        now, kinds = datetime.fromtimestamp(self._now_ms / 1000, UTC), found["kinds"]
        return StoreFigures(
            system_id=system_id,
            counts={kind: Counts(**kinds[kind]["counts"]) for kind in KINDS},
            oldest_queued={kind: moment(kinds[kind].get("oldest_queued")) for kind in KINDS},
            under_way=found["under_way"],
            calls={api: found["calls"][api.key] for api in APIS},
            hold=_hold(system_id, found, now),
            presence={kind: Presence(kinds[kind]["expected"], kinds[kind]["present"]) for kind in KINDS},
        )

    def _next_due(self, kind: Kind) -> Record | None:
        member = self._first_due(kind)
        return Record.read(keys.job_of(kind, member), self._due[kind,]) if member else None

    def _first_due(self, kind: Kind) -> str:
        """The member that is due first of all stores'; empty if none rests."""
        firsts = (found["kinds"][kind].get("due") for found in self._stores.values())
        return min(((float(due), member) for member, due in filter(None, firsts)), default=(0, ""))[1]


def _hold(system_id: int, found: Mapping[str, Any], now: datetime) -> Hold | None:
    if found.get("paused"):
        return Hold.of_pause(system_id, found["paused"], now)
    hold = found["hold"]
    return Hold.read(system_id, dict(zip(hold[::2], hold[1::2], strict=True)), now) if hold else None
