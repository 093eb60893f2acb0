"""The pages of a list of iPaaS.com, read one by one. Only the last that held anybody is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.ipaas.customer_list import CustomerList
from worker.jobs.errors import (
    AnswerUnreadable,
    ConnectionHeld,
    InternalError,
    LedgerUnavailable,
    SyncError,
    ThrottleUsedUp,
)
from worker.jobs.progress import Selection
from worker.sync.patience import patiently
from worker.sync.place import Heading
from worker.sync.readings import Shown

if TYPE_CHECKING:
    from worker.ipaas.customer_list import Listed
    from worker.sync.patience import Resting
    from worker.sync.place import Place
    from worker.sync.ports import Lists

NOT_READ: Final = (LedgerUnavailable, ConnectionHeld, ThrottleUsedUp, InternalError)
"""Errors raised before iPaaS.com is asked, so that they say nothing about the page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, compared with the last page before it that held anybody."""

    customers: tuple[Listed, ...]
    """The customers, in the list's order."""
    shown: Shown
    """What it showed, except for its strangers: only the ledger knows them."""

    def ahead(self, place: Place) -> int:
        """About how many customers the first reading has yet to come to, those of this page included."""
        further = max((self.shown.announced or 0) - place.page, 0) if place.heading is Heading.FORTH else 0
        return len(self.customers) * (1 + further)


class ListPages:
    """The pages of one list."""

    def __init__(self, source: Lists, selection: Selection, resting: Resting) -> None:
        self._is_paged = selection is Selection.ALL
        self._read = source.customers if self._is_paged else source.unlinked
        self._resting = resting
        self._number, self._ids, self._near = 0, tuple[str, ...](), frozenset[str]()

    def page(self, number: int, *, is_beyond: bool = False) -> Page:
        """A page. An error of iPaaS.com on a page beyond the last only means that it is empty; others are raised."""
        listed = self._beyond(number) if is_beyond else self._patiently(number)
        if number == 1 and listed.unreadable > 1 and not listed.customers:
            raise AnswerUnreadable("no entry of iPaaS.com's list is a customer")
        ids, is_again = tuple(customer.id for customer in listed.customers), number == self._number
        shown = Shown(
            twice=0 if is_again else len(self._near.intersection(ids)),
            is_hollow=not (ids or listed.unreadable) or (ids == self._ids and not is_again),
            announced=listed.pages,
            is_whole=not self._is_paged and number == 1 and listed.pages is None,
            unreadable=listed.unreadable,
        )
        if not shown.is_hollow:
            self._near = frozenset(ids) | (self._near if is_again else frozenset())
            self._number, self._ids = number, ids
        return Page(listed.customers, shown)

    def _patiently(self, number: int) -> CustomerList:
        return patiently(lambda: self._read(number), self._resting)

    def _beyond(self, number: int) -> CustomerList:
        try:
            return self._read(number)
        except NOT_READ:
            return self._patiently(number)
        except SyncError:
            return CustomerList(())
