"""Initialize: asks for every customer of a connection once, or for every customer without a link.

Whoever is on the list from the beginning to the end is asked for, whatever is inserted into it or deleted from it
meanwhile: `worker.sync.readings` says how the list is read, and what proves that nobody was left out. A list that
changes during every reading is given up on after some readings; the last step says so.

However long the list is, about 2,000 jobs wait in the ledger at a time, and only one page is kept here: the ledger
remembers which customers an initialize has met. Progress is noted after each part of a page that was asked for, so
that a kill repeats one part at most, which is harmless.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from worker.jobs.job import pages
from worker.jobs.progress import Selection
from worker.sync.list_pages import ListPages
from worker.sync.patience import patiently
from worker.sync.place import Place
from worker.sync.readings import behind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.ipaas.customer_list import Listed
    from worker.jobs.progress import Known, Progress
    from worker.sync.list_pages import Page
    from worker.sync.patience import Resting
    from worker.sync.ports import Intake, Lists

MOST_QUEUED = 2_000
"""No more customers are asked for while more of the store's jobs wait than this: enough to keep its throttle busy."""
AT_ONCE = 500
"""How many customers are asked for at once, at most. A kill may repeat them."""
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """How far an initialize has come."""

    progress: Progress
    place: Place
    ahead: int = 0
    """About how many customers the first reading has yet to come to."""
    queued: int = 0
    """How many of the store's jobs waited for their turn when they were last counted."""
    is_waiting: bool = False
    """Whether it pauses because more than `MOST_QUEUED` jobs wait."""


def initialize(
    progress: Progress,
    source: Lists,
    intake: Intake,
    resting: Resting,
    *,
    limit: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Step]:
    """Ask for the customers from `progress` on: all that remain, or `limit` of them.

    Raises TakenOver, and errors of iPaaS.com and of the ledger that trying again did not help.
    """
    listed = ListPages(source, progress.selection, resting)
    return _Run(progress, Place.read(progress.position), listed, intake, resting, limit, sleep).steps()


@dataclass(frozen=True, slots=True)
class _Part:
    """Some customers of a page, in the list's order; fewer if the limit is reached."""

    ids: list[str]
    wanted: list[str]
    """Those to ask for."""
    strangers: int
    """How many no earlier page has shown."""
    in_hand: int
    """How many of the strangers had a job already."""


@dataclass(slots=True)
class _Run:
    """One run of an initialize."""

    progress: Progress
    place: Place
    listed: ListPages
    intake: Intake
    resting: Resting
    limit: int | None
    """How many customers it may still ask for; None if that is not limited."""
    sleep: Callable[[float], None]
    queued: int = 0

    def steps(self) -> Iterator[Step]:
        """Read on, page by page."""
        if self.place.again:
            yield from self._take(self.listed.page(self.place.again), moves=False)
        while not (self.place.has_ended or self.limit == 0):
            page = self.listed.page(self.place.page, is_beyond=self.place.is_beyond)
            yield from self._take(page, moves=True)

    def _take(self, page: Page, *, moves: bool) -> Iterator[Step]:
        """Ask for those of a page whom nobody has asked for; `moves` says whether the place moves behind the page."""
        *others, last = list(pages(page.customers, AT_ONCE)) or [[]]
        strangers, ahead = 0, page.ahead(self.place)
        for customers in (*others, last):
            part = self._part(customers)
            while part.wanted and self._is_full():
                yield Step(self.progress, self.place, ahead, self.queued, is_waiting=True)
                self.sleep(PAUSE_SECONDS)
            self._ask_for(part.wanted)
            strangers, ahead = strangers + part.strangers, ahead - len(part.ids)
            self.place = self.place.among(part.strangers, found=len(part.wanted), in_hand=part.in_hand)
            if moves and customers is last and len(part.ids) == len(customers):
                self.place = behind(self.place, replace(page.shown, strangers=strangers))
            self._note(part.ids)
            yield Step(self.progress, self.place, ahead, self.queued)
            if self.limit == 0:
                return

    def _part(self, customers: Sequence[Listed]) -> _Part:
        """What to do about some customers of a page."""
        ids = [each.id for each in customers]
        known = patiently(lambda: self.intake.look(self.progress, ids), self.resting)
        wanted = [each.id for each in customers if self._is_wanted(each, known)]
        if self.limit is not None and len(wanted) > self.limit:
            ids, wanted = ids[: ids.index(wanted[self.limit])], wanted[: self.limit]
        return _Part(ids, wanted, len({*ids} - known.met), len(({*ids} & known.in_hand) - known.met))

    def _is_wanted(self, customer: Listed, known: Known) -> bool:
        """Whether to ask for a customer: not again, and not with a link if only those without one are wanted."""
        is_linked = customer.is_linked and self.progress.selection is not Selection.ALL
        return not is_linked and customer.id not in known.met | known.in_hand

    def _is_full(self) -> bool:
        """Whether enough jobs wait already."""
        self.queued = patiently(self.intake.backlog, self.resting)
        return self.queued > MOST_QUEUED

    def _ask_for(self, ids: list[str]) -> None:
        if not ids:
            return
        patiently(lambda: self.intake.request(ids), self.resting)
        self.queued += len(ids)
        self.progress = replace(self.progress, requested=self.progress.requested + len(ids))
        if self.limit is not None:
            self.limit -= len(ids)

    def _note(self, met: list[str]) -> None:
        reached = replace(self.progress, position=str(self.place))
        ended = self.place.has_ended
        self.progress = patiently(lambda: self.intake.advance(reached, met, ended=ended), self.resting)
