"""A list of iPaaS.com that changes while it is read, and a ledger that remembers who was asked for."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.ipaas.customer_list import CustomerList, Listed
from worker.jobs.intents import Intent
from worker.jobs.progress import Known, Progress, Selection, TakenOver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.errors import SyncError

ALL = Progress(4021, Selection.ALL, "token")
UNLINKED = Progress(4021, Selection.UNLINKED, "token")
NEVER_DELETED = 3
"""Every so many customers there is one who stays, and whom an initialize must not leave out."""


def ignore(error: SyncError, seconds: float) -> None:
    """Rest for no time."""
    assert error.intent is Intent.STORES
    assert seconds >= 0


def numbered(first: int, last: int) -> list[str]:
    """Ids."""
    return [str(number) for number in range(first, last + 1)]


@dataclass
class Book:
    """The ledger: what was asked for, how many jobs wait, and the progress noted last."""

    requested: list[list[str]] = field(default_factory=list)
    queued: int = 0
    carried_out_a_second: int = 10_000
    progress: Progress | None = None
    is_taken_over: bool = False
    met: set[str] = field(default_factory=set)
    in_hand: set[str] = field(default_factory=set)
    """Whose job is under way, or has changed since the beginning."""

    def backlog(self) -> int:
        """How many wait."""
        return self.queued

    def look(self, progress: Progress, customer_ids: Sequence[str]) -> Known:
        """What is known of them."""
        assert progress.token
        return Known(frozenset(self.met.intersection(customer_ids)), frozenset(self.in_hand.intersection(customer_ids)))

    def request(self, customer_ids: Sequence[str]) -> None:
        """Put them into the queue."""
        self.requested.append(list(customer_ids))
        self.queued += len(customer_ids)

    def advance(self, progress: Progress, met: Sequence[str], *, ended: bool) -> Progress:
        """Keep the progress, and whom it has met."""
        if self.is_taken_over:
            raise TakenOver
        self.met.update(met)
        self.progress = replace(progress, ended_at=None if not ended else progress.started_at)
        return self.progress

    def work(self, seconds: float) -> None:
        """Let a worker carry out jobs for so long."""
        self.queued = max(self.queued - int(self.carried_out_a_second * seconds), 0)

    @property
    def ids(self) -> list[str]:
        """Every id that was asked for, in order."""
        return [each for part in self.requested for each in part]


class Rhythm(StrEnum):
    """When and how much a list changes between two reads."""

    AT_RANDOM = "at random"
    ONE_AT_A_TIME = "one at a time"
    A_PAGE_AT_A_TIME = "a page at a time"


class Order(StrEnum):
    """Where a list shows those who are added."""

    OLDEST_FIRST = "oldest first"
    NEWEST_FIRST = "newest first"
    BY_NAME = "by name"


class Drifting:
    """A list that changes before it answers, as its seed says; page size, order and the kind of change as well."""

    def __init__(self, seed: int, *, longest: int = 60, until: int = 2000, is_calm: bool = False) -> None:
        self._random = chance = random.Random(seed)  # noqa: S311 - it must be the same again
        self.size = chance.choice((1, 1, 2, 3, 5, 10))
        self._order = chance.choice(list(Order))
        self._rhythm = chance.choice((Rhythm.AT_RANDOM, *Rhythm))
        self._rate = chance.choice((0.02, 0.1, 0.3, 0.5, 0.8)) * (0.1 if is_calm else 1)
        self._inserts = chance.choice((0, 0.3, 0.5, 0.5, 0.7, 1))
        self._burst = chance.choice((0, 0.1, 0.3))
        self._every = chance.choice((1, 1, 2, 3)) * (50 if is_calm else 1)
        self._until = min(chance.choice((30, 100, 400, 2000)), until)
        self._names = self._first = chance.randint(1, longest)
        self.ids = list(range(1, self._names + 1))
        self._chosen = frozenset(self.ids)
        self.reads = 0

    @property
    def always(self) -> set[str]:
        """Those who have been on the list all the time; a deleted id never comes back."""
        return {str(each) for each in self.ids if each in self._chosen}

    def customers(self, page: int) -> CustomerList:
        """One page, as it is after a change."""
        if self.reads < self._until:
            self._change()
        self.reads += 1
        shown = self.ids[(page - 1) * self.size : page * self.size]
        return CustomerList(tuple(Listed(str(each)) for each in shown), pages=max(1, -(-len(self.ids) // self.size)))

    unlinked = customers

    def _change(self) -> None:
        if self._rhythm is Rhythm.AT_RANDOM:
            while self._random.random() < self._rate:
                many = self._random.randint(1, 2 * self.size) if self._random.random() < self._burst else 1
                (self._insert if self._random.random() < self._inserts else self._delete)(many)
        elif self.reads % self._every == 0:
            many = self.size if self._rhythm is Rhythm.A_PAGE_AT_A_TIME else 1
            if self._inserts >= 1 / 2:
                self._insert(many)
            if self._inserts <= 1 / 2:
                self._delete(many)

    def _insert(self, many: int) -> None:
        for _ in range(many):
            self._names += 1
            anywhere = self._random.randint(0, len(self.ids))
            places = {Order.OLDEST_FIRST: len(self.ids), Order.NEWEST_FIRST: 0, Order.BY_NAME: anywhere}
            self.ids.insert(places[self._order], self._names)

    def _delete(self, many: int) -> None:
        """Delete some: at the front, at the end, or anywhere; never one of those who stay."""
        where = self._random.choice((0, -1, None, None, None))
        for _ in range(many):
            mortal = [place for place, each in enumerate(self.ids) if each > self._first or each % NEVER_DELETED]
            if mortal:
                del self.ids[mortal[where] if where is not None else self._random.choice(mortal)]
