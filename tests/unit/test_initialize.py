"""Initialize asks for each customer of a list once, a bounded number at a time, and goes on where it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from worker.customer_list import CustomerList, Listed
from worker.errors import AnswerUnreadable, IPaaSCredentialsRefused, IPaaSReadFailed, SyncError
from worker.initialize import AT_ONCE, MOST_QUEUED, Census, Step, census, initialize
from worker.progress import Progress, Selection, TakenOver

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = Progress(4021, Selection.ALL, "token")
UNLINKED = Progress(4021, Selection.UNLINKED, "token")


@dataclass
class Lists:
    """iPaaS.com with some pages of ids; beyond the last page, the last again."""

    pages: list[list[str]]
    told: int | None = None
    """How many pages the header says there are."""
    unlinked_ids: list[str] = field(default_factory=list)
    errors: list[SyncError] = field(default_factory=list)
    """Raised one after the other, before anything is answered."""
    read: list[int] = field(default_factory=list)

    def customers(self, page: int) -> CustomerList:
        """One page."""
        self.read.append(page)
        if self.errors:
            raise self.errors.pop(0)
        ids = self.pages[min(page, len(self.pages)) - 1]
        return CustomerList(tuple(map(Listed, ids)), pages=self.told)

    def unlinked(self) -> CustomerList:
        """Those without a link."""
        return CustomerList(tuple(map(Listed, self.unlinked_ids)))


@dataclass
class Book:
    """The ledger: what was asked for, how many jobs wait, and the progress noted last."""

    requested: list[list[str]] = field(default_factory=list)
    queued: int = 0
    carried_out_a_second: int = 10_000
    progress: Progress | None = None
    is_taken_over: bool = False

    def backlog(self) -> int:
        """How many wait."""
        return self.queued

    def request(self, customer_ids: Sequence[str]) -> None:
        """Put them into the queue."""
        self.requested.append(list(customer_ids))
        self.queued += len(customer_ids)

    def advance(self, progress: Progress, *, ended: bool = False) -> Progress:
        """Keep the progress."""
        if self.is_taken_over:
            raise TakenOver
        self.progress = replace(progress, ended_at=None if not ended else progress.started_at)
        return self.progress

    def work(self, seconds: float) -> None:
        """Let a worker carry out jobs for so long."""
        self.queued = max(self.queued - int(self.carried_out_a_second * seconds), 0)

    @property
    def ids(self) -> list[str]:
        """Every id that was asked for, in order."""
        return [each for part in self.requested for each in part]


def run(source: Lists, book: Book, progress: Progress = ALL, *, limit: int | None = None) -> list[Step]:
    """Run an initialize to its end."""
    return list(initialize(progress, source, book, ignore, limit=limit, sleep=book.work))


def ignore(error: SyncError, seconds: float) -> None:
    """Rest for no time."""
    assert error.is_transient
    assert seconds >= 0


def numbered(first: int, last: int) -> list[str]:
    """Ids."""
    return [str(number) for number in range(first, last + 1)]


def test_every_page_is_asked_for_once() -> None:
    """In the list's order, as many pages as the header says."""
    source, book = Lists([["1", "2"], ["3", "4"], ["5"]], told=3), Book()
    steps = run(source, book)
    assert book.requested == [["1", "2"], ["3", "4"], ["5"]]
    assert source.read == [1, 2, 3]
    assert steps[-1].progress.requested == 5


def test_huge_page_is_asked_for_in_parts() -> None:
    """A page of any size takes no more than a bounded number at once."""
    book = Book()
    run(Lists([numbered(1, 3 * AT_ONCE + 1)], told=1), book)
    assert [len(part) for part in book.requested] == [AT_ONCE] * 3 + [1]
    assert book.ids == numbered(1, 3 * AT_ONCE + 1)


def test_number_of_queued_jobs_stays_bounded() -> None:
    """It waits while more jobs wait for their turn than the bound, and a part comes on top at most."""
    book = Book(carried_out_a_second=300)
    most = []
    source = Lists([numbered(page * 100, page * 100 + 99) for page in range(1, 101)], told=100)
    for step in initialize(ALL, source, book, ignore, sleep=book.work):
        most.append(book.queued)
        assert step.progress.requested == len(book.ids)
    assert len(book.ids) == 10_000
    assert max(most) <= MOST_QUEUED + AT_ONCE


@pytest.mark.parametrize("stop_at", range(1, 7))
def test_kill_after_any_step_asks_for_at_most_one_part_twice(stop_at: int) -> None:
    """A run that begins from the progress noted last leaves nobody out."""
    source, book = Lists([["1", "2"], ["3", "4"], ["5"]], told=3), Book()
    calls = 0

    class Killed(Exception):
        """The process ends here."""

    def kill(now: int) -> None:
        if now == stop_at:
            raise Killed

    class Dying(Book):
        def request(self, customer_ids: Sequence[str]) -> None:
            nonlocal calls
            super().request(customer_ids)
            kill(calls := calls + 1)

        def advance(self, progress: Progress, *, ended: bool = False) -> Progress:
            nonlocal calls
            noted = super().advance(progress, ended=ended)
            kill(calls := calls + 1)
            return noted

    dying = Dying()
    with pytest.raises(Killed):
        run(source, dying)
    run(source, book, dying.progress or ALL)
    assert set(dying.ids + book.ids) == set(numbered(1, 5))
    assert len(dying.ids + book.ids) - 5 <= 2


def test_limit_stops_within_a_page_and_the_next_run_goes_on() -> None:
    """Runs with a limit, one after the other, ask for each customer once."""
    source, book = Lists([["1", "2", "3"], ["4", "5", "6"], ["7"]], told=3), Book()
    progress = ALL
    for _ in range(4):
        progress = run(source, book, progress, limit=2)[-1].progress
    assert book.requested == [["1", "2"], ["3"], ["4"], ["5", "6"], ["7"]]


def test_step_says_about_how_many_are_ahead() -> None:
    """From the number of pages and the size of the page."""
    steps = run(Lists([["1", "2"], ["3", "4"], ["5"]], told=3), Book())
    assert [step.ahead for step in steps] == [4, 2, 0, 0]


def test_list_that_does_not_say_its_pages_ends_at_an_empty_one() -> None:
    """Without the header there is no other end."""
    source, book = Lists([["1", "2"], ["3"], []]), Book()
    run(source, book)
    assert book.ids == ["1", "2", "3"]


def test_list_without_pages_is_read_once_more_and_ends() -> None:
    """An API that answers everything on every page is noticed by its repeating itself."""
    source, book = Lists([["1", "2"]]), Book()
    run(source, book)
    assert (book.ids, source.read) == (["1", "2"], [1, 2])


@pytest.mark.parametrize("pages", [[["1", "2"]], [["1"], []], [["1"], ["2"]]])
def test_pages_that_repeat_themselves_for_ever_end_in_an_error(pages: list[list[str]]) -> None:
    """A header that promises pages which do not come is told; what did come was asked for."""
    book = Book()
    with pytest.raises(AnswerUnreadable, match="repeats an earlier page"):
        run(Lists(pages, told=10**9), book)
    assert book.ids == [each for page in pages for each in page]


def test_empty_page_among_others_is_passed_over() -> None:
    """Its customers were deleted, or may not be seen."""
    book = Book()
    run(Lists([["1"], [], ["2"]], told=3), book)
    assert book.ids == ["1", "2"]


def test_unlinked_are_asked_for_by_their_ids_and_resumed_behind_the_last() -> None:
    """The list promises no order, and those that were linked meanwhile are gone from it."""
    book = Book()
    first = run(Lists([], unlinked_ids=["30", "4", "100", "5"]), book, UNLINKED, limit=2)[-1].progress
    run(Lists([], unlinked_ids=["100", "5", "30", "101"]), book, first)
    assert book.requested == [["4", "5"], ["30", "100", "101"]]


def test_read_that_fails_for_a_while_is_tried_again() -> None:
    """An outage of some seconds does not end an initialize; an API's own Retry-After is kept."""
    rests: list[float] = []
    outage = IPaaSReadFailed(http_status=503, retry_after=40)
    book = Book()
    source = Lists([["1"]], told=1, errors=[outage, outage])
    list(initialize(ALL, source, book, lambda _, seconds: rests.append(seconds)))
    assert (book.ids, rests) == (["1"], [40, 40])


@pytest.mark.parametrize("error", [IPaaSCredentialsRefused(http_status=401), IPaaSReadFailed(http_status=404)])
def test_read_that_is_refused_ends_at_once(error: SyncError) -> None:
    """Nothing but a person can help."""
    source = Lists([["1"]], told=1, errors=[error])
    with pytest.raises(type(error)):
        run(source, Book())
    assert source.read == [1]


def test_outage_that_lasts_ends_in_its_error() -> None:
    """Some tries, then whoever runs it is told."""
    source = Lists([["1"]], told=1, errors=[IPaaSReadFailed(http_status=503)] * 100)
    with pytest.raises(IPaaSReadFailed):
        run(source, Book())
    assert len(source.read) == 7


def test_run_that_was_taken_over_ends() -> None:
    """Two processes never go on with the same initialize for long."""
    book = Book(is_taken_over=True)
    with pytest.raises(TakenOver):
        run(Lists([["1"], ["2"]], told=2), book)
    assert book.ids == ["1"]


def test_census_counts_what_the_list_shows() -> None:
    """Linked, unlinked and without e-mail; unknown is counted as neither."""

    class Shown(Lists):
        def customers(self, page: int) -> CustomerList:
            listed = (Listed("1", True, True), Listed("2", False, False), Listed("3"))
            return CustomerList(listed[page - 1 :], unreadable=page, pages=2)

    *_, last = census(Shown([]), Selection.ALL, ignore)
    assert last == Census(pages=2, customers=5, linked=1, unlinked=2, without_email=2, unreadable=3)


def test_census_keeps_to_a_limit() -> None:
    """As many customers as the initialize would ask for."""
    counts = list(census(Lists([["1", "2"], ["3", "4"], ["5"]], told=3), Selection.ALL, ignore, limit=3))
    assert [each.customers for each in counts] == [2, 3]
    assert all(later.pages > earlier.pages for earlier, later in pairwise(counts))
