"""A census counts what an initialize would ask for."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.unit.lists import ignore
from worker.ipaas.customer_list import CustomerList, Listed
from worker.jobs.progress import Selection
from worker.sync.census import Census, census
from worker.sync.readings import FRUITLESS_PAGES


class Lists:
    """iPaaS.com with some pages of ids, beyond which are empty ones, or the first again and again."""

    def __init__(self, pages: list[list[str]], *, announced: int | None = None, goes_round: bool = False) -> None:
        self.pages, self.announced, self.goes_round = pages, announced, goes_round
        self.read = 0

    def customers(self, page: int) -> CustomerList:
        """One page."""
        self.read += 1
        index = (page - 1) % len(self.pages) if self.goes_round else page - 1
        ids = self.pages[index] if index < len(self.pages) else []
        return CustomerList(tuple(map(Listed, ids)), pages=self.announced)

    unlinked = customers


def last_of(lists: Lists) -> Census:
    """What is counted in the end."""
    return list(census(lists, Selection.ALL, ignore))[-1]


def test_census_counts_what_the_list_shows() -> None:
    """Linked, unlinked and without e-mail; unknown is counted as neither."""

    class Shown(Lists):
        def customers(self, page: int) -> CustomerList:
            listed = (Listed("1", True, True), Listed("2", False, False), Listed("3"))
            return CustomerList(listed[page - 1 :] if page <= 2 else (), unreadable=page * (page <= 2), pages=2)

    *_, last = census(Shown([[]], announced=2), Selection.ALL, ignore)
    assert last == Census(pages=2, customers=5, linked=1, unlinked=2, without_email=2, unreadable=3)


def test_census_keeps_to_a_limit() -> None:
    """As many customers as the initialize would ask for."""
    counts = list(census(Lists([["1", "2"], ["3", "4"], ["5"]], announced=3), Selection.ALL, ignore, limit=3))
    assert [each.customers for each in counts] == [2, 3]
    assert all(later.pages > earlier.pages for earlier, later in pairwise(counts))


@pytest.mark.parametrize("pages", [[["1", "2"]], [["1"], ["2"], ["3"]]])
@pytest.mark.parametrize("announced", [None, 10**9])
def test_list_that_goes_round_ends(pages: list[list[str]], announced: int | None) -> None:
    """It is noticed by a page that comes again and again."""
    lists = Lists(pages, announced=announced, goes_round=True)
    counted = last_of(lists)
    assert lists.read < 30
    assert bool(counted.short_of) is bool(announced)


def test_list_that_ends_before_its_last_page_says_so() -> None:
    """The figures are those of the pages that came."""
    counted = last_of(Lists([["1"], ["2"]], announced=10**9))
    assert (counted.pages, counted.customers, counted.short_of) == (2, 2, 10**9)


def test_empty_pages_are_passed_over() -> None:
    """Hundreds of them."""
    counted = last_of(Lists([["1"], *[[]] * (FRUITLESS_PAGES - 100), ["2"]], announced=FRUITLESS_PAGES - 98))
    assert (counted.customers, counted.short_of) == (2, 0)
