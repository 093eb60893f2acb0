"""Initialize: asks for every customer of a connection once, or for every customer without a link.

Only so many jobs wait in the ledger at a time, whatever the length of the list. How far it has come is noted behind
each part of the list that was asked for, so that a kill repeats at most one part, which is harmless.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Protocol, TypeVar

from worker.errors import AnswerUnreadable, SyncError
from worker.progress import Selection
from worker.retries import Schedule, rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.customer_list import CustomerList, Listed
    from worker.progress import Progress

    Resting = Callable[[SyncError, float], None]
    """Rests for so many seconds after an error, before the read is tried again."""

MOST_QUEUED = 2_000
"""How many of the store's jobs may wait for their turn before more are asked for: enough to keep its throttle busy."""
AT_ONCE = 500
"""How many customers are asked for at once: what a kill may repeat."""
PAUSE_SECONDS = 1.0
EMPTY_PAGES = 10
"""So many pages in a row may be empty, their customers deleted, before the list is no list."""
READING = Schedule(fast=6, slow_minutes=())
"""How often a read is tried again, within some minutes; then whoever runs it runs it again, and it goes on."""

Answer = TypeVar("Answer")


class Source(Protocol):
    """What an initialize needs of iPaaS.com."""

    def customers(self, page: int) -> CustomerList:
        """One page of all customers, from 1 on."""

    def unlinked(self) -> CustomerList:
        """Every customer without a link."""


class Intake(Protocol):
    """What an initialize needs of the ledger, for one connection."""

    def backlog(self) -> int:
        """How many of the store's jobs wait for their turn."""

    def request(self, customer_ids: Sequence[str]) -> None:
        """Ask for customers, behind whatever triggers ask for."""

    def advance(self, progress: Progress, *, ended: bool = False) -> Progress:
        """Note how far it has come. Raises TakenOver."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some customers of a list, in its order."""

    customers: Sequence[Listed]
    positions: Sequence[str]
    """Behind each customer: where the list goes on."""
    page: int
    ahead: int
    """About how many customers come behind these."""
    unreadable: int = 0
    """How many entries of the list's page are no customers; told with the page's first part."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where an initialize stands."""

    progress: Progress
    ahead: int = 0
    unreadable: int = 0
    queued: int = 0
    """How many of the store's jobs wait for their turn."""
    is_waiting: bool = False
    """Whether it waits until fewer of the store's jobs wait for their turn."""


def initialize(
    progress: Progress,
    source: Source,
    intake: Intake,
    resting: Resting,
    *,
    limit: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Step]:
    """Ask for the customers from where `progress` stands: all that remain, or `limit` of them.

    Raises what reading a list raises, once it was tried again in vain, and TakenOver.
    """
    unreadable, allowed = 0, limit
    for part in parts(source, progress.selection, resting, progress.position):
        unreadable += part.unreadable
        ids = [customer.id for customer in part.customers[:allowed]]
        while (queued := intake.backlog()) > MOST_QUEUED:
            yield Step(progress, len(part.customers) + part.ahead, unreadable, queued, is_waiting=True)
            sleep(PAUSE_SECONDS)
        if ids:
            intake.request(ids)
            reached = replace(progress, position=part.positions[len(ids) - 1], requested=progress.requested + len(ids))
            progress = intake.advance(reached)
        yield Step(progress, len(part.customers) - len(ids) + part.ahead, unreadable, queued + len(ids))
        if allowed is not None and (allowed := allowed - len(ids)) == 0:
            return
    yield Step(intake.advance(progress, ended=True), 0, unreadable, intake.backlog())


@dataclass(frozen=True, slots=True)
class Census:
    """What a list holds, as far as it shows it."""

    pages: int = 0
    customers: int = 0
    linked: int = 0
    unlinked: int = 0
    without_email: int = 0
    unreadable: int = 0
    ahead: int = 0

    def with_part(self, part: Part) -> Census:
        """These and some more customers."""
        return Census(
            pages=part.page,
            customers=self.customers + len(part.customers),
            linked=self.linked + sum(customer.is_linked is True for customer in part.customers),
            unlinked=self.unlinked + sum(customer.is_linked is False for customer in part.customers),
            without_email=self.without_email + sum(customer.has_email is False for customer in part.customers),
            unreadable=self.unreadable + part.unreadable,
            ahead=part.ahead,
        )


def census(source: Source, selection: Selection, resting: Resting, *, limit: int | None = None) -> Iterator[Census]:
    """Count the customers that an initialize would ask for; writes nothing."""
    counted = Census()
    for part in parts(source, selection, resting):
        remaining = None if limit is None else limit - counted.customers
        counted = counted.with_part(replace(part, customers=part.customers[:remaining]))
        yield counted
        if counted.customers == limit:
            return


def parts(source: Source, selection: Selection, resting: Resting, position: str = "") -> Iterator[Part]:
    """The list from a position on, in parts of at most `AT_ONCE` customers."""
    if selection is Selection.UNLINKED:
        return _unlinked(source, resting, position)
    return _all(source, resting, position)


def _all(source: Source, resting: Resting, position: str) -> Iterator[Part]:
    """Every page. A position is `<page>:<how many of its customers are done>`.

    A list whose pages go on repeating themselves ends: well where nobody said how many there are.
    """
    first, _, done = position.partition(":")
    skipped, seen, empty = int(done or 0), set[int](), 0
    for page in count(int(first or 1)):
        listed = _read(partial(source.customers, page), resting)
        marks = hash(tuple(customer.id for customer in listed.customers))
        empty = 0 if listed.customers else empty + 1
        is_again = marks in seen if listed.customers else empty > EMPTY_PAGES
        if is_again and listed.pages is not None:
            raise AnswerUnreadable(f"page {page} of iPaaS.com's customers repeats an earlier page")
        if is_again or (not listed.customers and listed.pages is None):
            return
        seen.add(marks)
        positions = [f"{page}:{number}" for number in range(1, len(listed.customers) + 1)]
        behind = max((listed.pages or 0) - page, 0) * len(listed.customers)
        yield from _split(listed.customers[skipped:], positions[skipped:], page, behind, listed.unreadable)
        if listed.pages is not None and page >= listed.pages:
            return
        skipped = 0


def _unlinked(source: Source, resting: Resting, position: str) -> Iterator[Part]:
    """The list of those without a link, by their ids. A position is the last id that is done.

    iPaaS.com promises no order, and customers vanish from the list as they are linked: behind an id, whatever is still
    on it has not been asked for.
    """
    listed = _read(source.unlinked, resting)
    remaining = [each for each in listed.customers if not position or _rank(each.id) > _rank(position)]
    remaining.sort(key=lambda each: _rank(each.id))
    yield from _split(remaining, [each.id for each in remaining], 1, 0, listed.unreadable)


def _rank(customer_id: str) -> tuple[int, str]:
    return int(customer_id), customer_id


def _split(
    customers: Sequence[Listed], positions: Sequence[str], page: int, behind: int, unreadable: int
) -> Iterator[Part]:
    for start in range(0, len(customers) or 1, AT_ONCE):
        end = start + AT_ONCE
        ahead = max(len(customers) - end, 0) + behind
        yield Part(customers[start:end], positions[start:end], page, ahead, 0 if start else unreadable)


def _read(read: Callable[[], Answer], resting: Resting) -> Answer:
    """Read, and try again for some minutes where that can help."""
    attempt = 0
    while True:
        try:
            return read()
        except SyncError as error:
            pause = rest(error, attempt, READING)
            if pause is None:
                raise
            resting(error, pause.seconds)
        attempt += 1
