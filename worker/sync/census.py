"""Counts what an initialize would ask for; writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.sync.list_pages import ListPages
from worker.sync.place import Heading, Place
from worker.sync.readings import behind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.ipaas.customer_list import Listed
    from worker.jobs.progress import Selection
    from worker.sync.list_pages import Page
    from worker.sync.patience import Resting
    from worker.sync.ports import Lists

REPEATS: Final = 3
"""When one page has come this many times more, the list has no other pages."""


@dataclass(frozen=True, slots=True)
class Census:
    """What a list holds, as far as one reading shows it."""

    pages: int = 0
    customers: int = 0
    linked: int = 0
    unlinked: int = 0
    without_email: int = 0
    unreadable: int = 0
    ahead: int = 0
    """About how many customers are yet to come."""
    short_of: int = 0
    """How many pages were announced, if the list ended before the last of them."""

    def with_page(self, number: int, customers: Sequence[Listed], page: Page) -> Census:
        """The census with one more page, of which these customers are counted."""
        return replace(
            self,
            pages=number,
            customers=self.customers + len(customers),
            linked=self.linked + sum(customer.is_linked is True for customer in customers),
            unlinked=self.unlinked + sum(customer.is_linked is False for customer in customers),
            without_email=self.without_email + sum(customer.has_email is False for customer in customers),
            unreadable=self.unreadable + page.shown.unreadable,
        )


def census(source: Lists, selection: Selection, resting: Resting, *, limit: int | None = None) -> Iterator[Census]:
    """Count the customers that an initialize would ask for, in one reading of the list."""
    counted, place = Census(), Place()
    read, repeats = ListPages(source, selection, resting), _Repeats()
    while place.heading is Heading.FORTH and not place.has_ended and repeats.number < REPEATS:
        number, page = place.page, read.page(place.page, is_beyond=place.is_beyond)
        ahead = page.ahead(place) - len(page.customers)
        is_new = not (repeats.is_one(number, page) or page.shown.is_hollow)
        place = behind(place, replace(page.shown, strangers=len(page.customers) if is_new else 0))
        if is_new:
            remaining = None if limit is None else limit - counted.customers
            counted = counted.with_page(number, page.customers[:remaining], page)
        announced = place.announced or 0
        counted = replace(counted, ahead=ahead, short_of=announced if not is_new and 1 < number <= announced else 0)
        yield counted
        if counted.customers == limit:
            return


@dataclass(slots=True)
class _Repeats:
    """Notices that the pages of a list repeat themselves. It remembers one page, whose number is a power of two."""

    number: int = 0
    """How many pages were the same as the remembered one."""
    mark: int = 0
    """The hash of its ids."""

    def is_one(self, number: int, page: Page) -> bool:
        """Whether a page is the same as the remembered one."""
        if not page.customers:
            return False
        mark = hash(tuple(customer.id for customer in page.customers))
        is_one = mark == self.mark
        self.number += is_one
        if number & (number - 1) == 0:
            self.mark = mark
        return is_one
