"""Initialize: asks for every customer of a connection once, or for every customer without a link.

Whoever is on the list from the beginning to the end is asked for, whatever is inserted into it or deleted from it
meanwhile: `worker.sync.place` says how the list is read, and what proves that nobody was left out. A list that
changes with every reading is given up on after some readings, which the last step says.

About 2,000 jobs wait in the ledger at a time, whatever the length of the list, and only one page of it is kept here:
the ledger remembers whom an initialize has met. How far it has come is noted after each part of a page that was asked
for, so that a kill repeats at most one part, which is harmless.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from worker.jobs.pages import pages
from worker.jobs.progress import Selection
from worker.sync.list_pages import ListPages
from worker.sync.patience import patiently
from worker.sync.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.ipaas.customer_list import Listed
    from worker.jobs.progress import Known, Progress
    from worker.sync.list_pages import Page, Source
    from worker.sync.patience import Resting

MOST_QUEUED = 2_000
"""How many of the store's jobs may wait for their turn before more are asked for: enough to keep its throttle busy."""
AT_ONCE = 500
"""How many customers are asked for at once: what a kill may repeat."""
PAUSE_SECONDS = 1.0

Answer = TypeVar("Answer")


class Intake(Protocol):
    """What an initialize needs of the ledger, for one connection."""

    def backlog(self) -> int:
        """How many of the store's jobs wait for their turn."""

    def look(self, progress: Progress, customer_ids: Sequence[str]) -> Known:
        """What is known of at most `AT_ONCE` customers."""

    def request(self, customer_ids: Sequence[str]) -> None:
        """Ask for customers, behind whatever triggers ask for."""

    def advance(self, progress: Progress, met: Sequence[str], *, ended: bool) -> Progress:
        """Note how far it has come, and whom it has met since. Raises TakenOver."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far an initialize has come."""

    progress: Progress
    place: Place
    ahead: int = 0
    """About how many customers the first reading has yet to come to."""
    queued: int = 0
    """How many of the store's jobs waited for their turn when this was last of interest."""
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
    """Ask for the customers from `progress` on: all that remain, or `limit` of them.

    Raises what reading a list and the ledger raise, once that was tried again in vain, and TakenOver.
    """
    return _Run(progress, source, intake, resting, limit=limit, sleep=sleep).steps()


@dataclass(frozen=True, slots=True)
class _Part:
    """Some customers of a page, in the list's order, as far as a limit allows."""

    ids: list[str]
    wanted: list[str]
    """Those to ask for."""
    strangers: int
    """How many no page has shown before."""
    in_hand: int
    """How many of these had a job already."""


class _Run:
    """One run of an initialize."""

    def __init__(
        self,
        progress: Progress,
        source: Source,
        intake: Intake,
        resting: Resting,
        *,
        limit: int | None,
        sleep: Callable[[float], None],
    ) -> None:
        self._progress = progress
        self._place = Place.read(progress.position)
        self._pages = ListPages(source, progress.selection, resting)
        self._intake = intake
        self._resting = resting
        self._limit = limit
        self._sleep = sleep
        self._queued = 0

    def steps(self) -> Iterator[Step]:
        """Read on, page by page."""
        if self._place.again:
            yield from self._take(self._pages.page(self._place.again), moves=False)
        while not (self._place.has_ended or self._limit == 0):
            page = self._pages.page(self._place.page, is_beyond=self._place.is_beyond)
            yield from self._take(page, moves=True)

    def _take(self, page: Page, *, moves: bool) -> Iterator[Step]:
        """Ask for those of a page whom nobody has asked for; `moves`: the place is behind it then."""
        *others, last = list(pages(page.customers, AT_ONCE)) or [[]]
        strangers, ahead = 0, page.ahead(self._place)
        for customers in (*others, last):
            part = self._part(customers)
            while part.wanted and self._is_full():
                yield Step(self._progress, self._place, ahead, self._queued, is_waiting=True)
                self._sleep(PAUSE_SECONDS)
            self._ask_for(part.wanted)
            strangers, ahead = strangers + part.strangers, ahead - len(part.ids)
            self._place = self._place.among(part.strangers, found=len(part.wanted), in_hand=part.in_hand)
            if moves and customers is last and len(part.ids) == len(customers):
                self._place = self._place.behind(page.shown(strangers))
            self._note(part.ids)
            yield Step(self._progress, self._place, ahead, self._queued)
            if self._limit == 0:
                return

    def _part(self, customers: Sequence[Listed]) -> _Part:
        """What is to be done about some customers of a page."""
        ids = [each.id for each in customers]
        known = self._patiently(lambda: self._intake.look(self._progress, ids))
        wanted = [each.id for each in customers if self._is_wanted(each, known)]
        if self._limit is not None and len(wanted) > self._limit:
            ids, wanted = ids[: ids.index(wanted[self._limit])], wanted[: self._limit]
        return _Part(ids, wanted, len({*ids} - known.met), len(({*ids} & known.in_hand) - known.met))

    def _is_wanted(self, customer: Listed, known: Known) -> bool:
        """Whether nobody has asked for them; of those without a link, only whom the list does not show with one."""
        is_linked = customer.is_linked and self._progress.selection is not Selection.ALL
        return not is_linked and customer.id not in known.met | known.in_hand

    def _is_full(self) -> bool:
        """Whether enough jobs wait already."""
        self._queued = self._patiently(self._intake.backlog)
        return self._queued > MOST_QUEUED

    def _ask_for(self, ids: list[str]) -> None:
        if not ids:
            return
        self._patiently(lambda: self._intake.request(ids))
        self._queued += len(ids)
        self._progress = replace(self._progress, requested=self._progress.requested + len(ids))
        if self._limit is not None:
            self._limit -= len(ids)

    def _note(self, met: list[str]) -> None:
        reached = replace(self._progress, position=str(self._place))
        self._progress = self._patiently(
            lambda: self._intake.advance(reached, met, ended=self._place.has_ended),
        )

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        return patiently(call, self._resting)
