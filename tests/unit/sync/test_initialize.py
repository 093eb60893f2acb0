"""Initialize asks for each customer of a list once, a bounded number at a time, and goes on where it stopped."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.lists import ALL, UNLINKED, Book, ignore, numbered
from worker.ipaas.customer_list import CustomerList, Listed
from worker.jobs.errors import AnswerUnreadable, IPaaSCredentialsRefused, IPaaSReadFailed, LedgerUnavailable, SyncError
from worker.jobs.intents import Intent, Trouble
from worker.jobs.progress import Known, Progress, TakenOver
from worker.sync.initialize import AT_ONCE, MOST_QUEUED, Step, initialize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass
class Lists:
    """iPaaS.com with some pages of ids, none of which changes; beyond the last page, the last again."""

    pages: list[list[str]]
    announced: int | None = None
    """How many pages the header says there are."""
    errors: list[SyncError] = field(default_factory=list)
    """Raised one after the other, before anything is answered."""
    read: list[int] = field(default_factory=list)

    def customers(self, page: int) -> CustomerList:
        """One page."""
        self.read.append(page)
        if self.errors:
            raise self.errors.pop(0)
        ids = self.pages[min(page, len(self.pages)) - 1]
        return CustomerList(tuple(map(Listed, ids)), pages=self.announced)

    unlinked = customers


def run(source: Lists, book: Book, progress: Progress = ALL, *, limit: int | None = None) -> list[Step]:
    """Run an initialize to its end."""
    return list(initialize(progress, source, book, ignore, limit=limit, sleep=book.work))


def ran(source: Lists, book: Book, progress: Progress = ALL, *, limit: int | None = None) -> Progress:
    """Run an initialize as far as it goes."""
    return run(source, book, progress, limit=limit)[-1].progress


def test_every_page_is_asked_for_once() -> None:
    """In the list's order, as many pages as the header says."""
    source, book = Lists([["1", "2"], ["3", "4"], ["5"]], announced=3), Book()
    steps = run(source, book)
    assert book.requested == [["1", "2"], ["3", "4"], ["5"]]
    assert source.read == [1, 2, 3, 4, 3, 2, 1]
    assert steps[-1].progress.requested == 5
    assert steps[-1].place.is_complete


def test_huge_page_is_asked_for_in_parts() -> None:
    """A page of any size takes no more than a bounded number at once."""
    book = Book()
    run(Lists([numbered(1, 3 * AT_ONCE + 1)], announced=1), book)
    assert [len(part) for part in book.requested] == [AT_ONCE] * 3 + [1]
    assert book.ids == numbered(1, 3 * AT_ONCE + 1)


def test_number_of_queued_jobs_stays_bounded() -> None:
    """It waits while more jobs wait for their turn than the bound, and a part comes on top at most."""
    book = Book(carried_out_a_second=300)
    most = []
    source = Lists([numbered(page * 100, page * 100 + 99) for page in range(1, 101)], announced=100)
    for step in initialize(ALL, source, book, ignore, sleep=book.work):
        most.append(book.queued)
        assert step.progress.requested == len(book.ids)
    assert len(book.ids) == 10_000
    assert max(most) <= MOST_QUEUED + AT_ONCE


class Killed(Exception):
    """The process ends here."""


@dataclass
class Dying(Book):
    """A ledger whose client is killed behind one of its steps."""

    dies_at: int = 0
    steps: int = 0

    def request(self, customer_ids: Sequence[str]) -> None:
        """Ask, and perhaps die."""
        super().request(customer_ids)
        self._step()

    def advance(self, progress: Progress, met: Sequence[str], *, ended: bool) -> Progress:
        """Note, and perhaps die."""
        noted = super().advance(progress, met, ended=ended)
        self._step()
        return noted

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Killed


@pytest.mark.parametrize("dies_at", range(1, 11))
def test_kill_after_any_step_asks_for_at_most_one_part_twice(dies_at: int) -> None:
    """A run that begins from the progress noted last leaves nobody out."""
    source, book = Lists([["1", "2"], ["3", "4"], ["5"]], announced=3), Dying(dies_at=dies_at)
    with pytest.raises(Killed):
        run(source, book)
    last = run(source, book, book.progress or ALL)[-1]
    assert set(book.ids) == set(numbered(1, 5))
    assert len(book.ids) - 5 <= 2
    assert last.place.is_complete


def test_limit_stops_within_a_page_and_the_next_run_goes_on() -> None:
    """Runs with a limit, one after the other, ask for each customer once."""
    source, book = Lists([["1", "2", "3"], ["4", "5", "6"], ["7"]], announced=3), Book()
    progress = ALL
    for _ in range(4):
        progress = ran(source, book, progress, limit=2)
    assert book.requested == [["1", "2"], ["3"], ["4"], ["5", "6"], ["7"]]
    assert progress.requested == 7


def test_position_of_an_older_release_is_gone_on_from() -> None:
    """The pages in front of it are read on the way back."""
    source, book = Lists([["1", "2"], ["3", "4"], ["5"]], announced=3), Book()
    run(source, book, replace(ALL, position="2:1"))
    assert book.requested == [["3", "4"], ["5"], ["1", "2"]]


def test_step_says_about_how_many_are_ahead() -> None:
    """From the number of pages and the size of the page; the way back has none ahead."""
    steps = run(Lists([["1", "2"], ["3", "4"], ["5"]], announced=3), Book())
    assert [step.ahead for step in steps] == [4, 2] + [0] * 5


def test_list_that_does_not_say_its_pages_ends_at_empty_ones() -> None:
    """Without the header there is no other end."""
    source, book = Lists([["1", "2"], ["3"], []]), Book()
    run(source, book)
    assert book.ids == ["1", "2", "3"]


def test_list_without_pages_is_read_some_times_more_and_ends() -> None:
    """An API that answers everything on every page is noticed by its repeating itself."""
    source, book = Lists([["1", "2"]]), Book()
    run(source, book)
    assert (book.ids, source.read) == (["1", "2"], [1, 2, 3, 4, 1])


@pytest.mark.parametrize("pages", [[["1", "2"]], [["1"], []], [["1"], ["2"]]])
def test_pages_that_repeat_themselves_for_ever_end_and_are_told(pages: list[list[str]]) -> None:
    """What did come was asked for, and the last step says after which page nobody came any more."""
    book = Book()
    last = run(Lists(pages, announced=10**9), book)[-1]
    assert book.ids == [each for page in pages for each in page]
    assert (last.place.ended_short, last.place.short_of) == (True, 10**9)
    assert last.place.last == len([page for page in pages if page])


def test_pages_that_come_in_turns_end_and_are_told() -> None:
    """A list that goes round and round."""

    class Round(Lists):
        def customers(self, page: int) -> CustomerList:
            return super().customers((page - 1) % 3 + 1)

    book = Book()
    last = run(Round([["1"], ["2"], ["3"]], announced=10**9), book)[-1]
    assert (book.ids, last.place.ended_short) == (["1", "2", "3"], True)


def test_customer_on_several_pages_is_asked_for_once() -> None:
    """Those who were moved while the list was read come twice."""
    book = Book()
    run(Lists([["1", "2"], ["2", "3"], ["1", "4"]], announced=3), book)
    assert book.ids == ["1", "2", "3", "4"]


def test_customer_whom_the_ledger_has_in_hand_is_not_asked_for() -> None:
    """A trigger has brought them since the beginning, or their job waits; it is counted once, for the closing line."""
    book = Book(in_hand={"2"})
    last = run(Lists([["1", "2"], ["3"]], announced=2), book)[-1]
    assert (book.ids, last.place.in_hand) == (["1", "3"], 1)


def test_page_beyond_the_last_may_be_an_error() -> None:
    """It was looked at for certainty's sake alone."""

    class Strict(Lists):
        def customers(self, page: int) -> CustomerList:
            if page > len(self.pages):
                raise IPaaSReadFailed(http_status=404)
            return super().customers(page)

    book = Book()
    assert run(Strict([["1"], ["2"]], announced=2), book)[-1].place.is_complete
    assert book.ids == ["1", "2"]


class Odd(Lists):
    """Lists whose entries without a digit have no id."""

    def customers(self, page: int) -> CustomerList:
        """One page."""
        ids = self.pages[page - 1] if page <= len(self.pages) else []
        readable = tuple(Listed(each) for each in ids if each.isdecimal())
        return CustomerList(readable, unreadable=len(ids) - len(readable), pages=self.announced)


def test_entries_without_an_id_are_counted_once() -> None:
    """However often the list is read; a page of nothing else is passed over."""
    book = Book()
    last = run(Odd([["1", "x"], ["y", "z"], ["2"], ["?"]], announced=4), book)[-1]
    assert (book.ids, last.place.all_unreadable) == (["1", "2"], 4)
    assert last.place.is_complete


def test_first_page_of_nothing_but_entries_without_an_id_is_no_list_of_customers() -> None:
    """Whoever changed the API is told at once."""
    with pytest.raises(AnswerUnreadable, match="no entry of"):
        run(Odd([["x", "y"], ["1"]], announced=2), Book())


def test_empty_page_among_others_is_passed_over() -> None:
    """Its customers were deleted, or may not be seen."""
    book = Book()
    run(Lists([["1"], [], ["2"]], announced=3), book)
    assert book.ids == ["1", "2"]


def test_unlinked_without_pages_are_all_in_one_answer() -> None:
    """Nobody can be left out by one answer, so it is read once."""
    source, book = Lists([["30", "4", "100"]]), Book()
    last = run(source, book, UNLINKED)[-1]
    assert (book.ids, source.read, last.place.is_complete) == (["30", "4", "100"], [1], True)


def test_unlinked_are_gone_on_with_where_they_stopped() -> None:
    """Those who were linked meanwhile are gone from the list, others have come."""
    book = Book()
    first = ran(Lists([["30", "4", "100", "5"]]), book, UNLINKED, limit=2)
    run(Lists([["100", "4", "5", "101"]]), book, first)
    assert book.requested == [["30", "4"], ["100", "5", "101"]]


def test_unlinked_with_pages_are_followed_as_the_list_shrinks() -> None:
    """Those who are asked for vanish from the list while it is read."""

    @dataclass
    class Shrinking(Book):
        remaining: list[str] = field(default_factory=lambda: numbered(1, 40))

        def customers(self, page: int) -> CustomerList:
            raise AssertionError(f"page {page} of the list of all customers is read")

        def unlinked(self, page: int) -> CustomerList:
            self.remaining = [each for each in self.remaining if each not in self.ids[:-3]]
            shown = self.remaining[(page - 1) * 4 : page * 4]
            return CustomerList(tuple(map(Listed, shown)), pages=max(-(-len(self.remaining) // 4), 1))

    book = Shrinking()
    last = list(initialize(UNLINKED, book, book, ignore))[-1]
    assert sorted(book.ids, key=int) == numbered(1, 40)
    assert last.place.is_complete


def test_unlinked_who_are_shown_with_a_link_are_not_asked_for() -> None:
    """The list is behind."""

    class Shown(Lists):
        def unlinked(self, page: int) -> CustomerList:
            assert page == 1
            return CustomerList((Listed("1", is_linked=True), Listed("2", is_linked=False), Listed("3")))

    book = Book()
    run(Shown([]), book, UNLINKED)
    assert book.ids == ["2", "3"]


def test_read_that_fails_for_a_while_is_tried_again() -> None:
    """An outage of some seconds does not end an initialize; an API's own Retry-After is kept."""
    rests: list[float] = []
    outage = IPaaSReadFailed(retry_after=40, intent=Intent.STORES)
    book = Book()
    source = Lists([["1"]], announced=1, errors=[outage, outage])
    list(initialize(ALL, source, book, lambda _, seconds: rests.append(seconds)))
    assert (book.ids, rests) == (["1"], [40, 40])


@pytest.mark.parametrize(
    "error", [IPaaSCredentialsRefused(trouble=Trouble.CREDENTIALS), IPaaSReadFailed(http_status=404)]
)
def test_read_that_is_refused_ends_at_once(error: SyncError) -> None:
    """Nothing but a person can help."""
    source = Lists([["1"]], announced=1, errors=[error])
    with pytest.raises(type(error)):
        run(source, Book())
    assert source.read == [1]


def test_outage_that_lasts_ends_in_its_error() -> None:
    """Some tries, then whoever runs it is told."""
    source = Lists([["1"]], announced=1, errors=[IPaaSReadFailed(intent=Intent.STORES)] * 100)
    with pytest.raises(IPaaSReadFailed):
        run(source, Book())
    assert len(source.read) == 10


@pytest.mark.parametrize("step", ["look", "backlog", "request", "advance"])
def test_ledger_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Some seconds do not end what runs for hours."""
    book, errors = Book(), [LedgerUnavailable("ConnectionError")] * 3
    real: Callable[..., object] = getattr(book, step)

    def away(*args: object, **options: object) -> object:
        if errors:
            raise errors.pop()
        return real(*args, **options)

    monkeypatch.setattr(book, step, away)
    assert run(Lists([["1"], ["2"]], announced=2), book)[-1].place.is_complete
    assert book.ids == ["1", "2"]


def test_ledger_that_stays_away_ends_in_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs it is told what to do."""

    def away(*_: object, **__: object) -> None:
        raise LedgerUnavailable("ConnectionError")

    book = Book()
    monkeypatch.setattr(book, "look", away)
    with pytest.raises(LedgerUnavailable):
        run(Lists([["1"]], announced=1), book)


def test_run_that_was_taken_over_ends() -> None:
    """Two processes never go on with the same initialize for long."""
    book = Book(is_taken_over=True)
    with pytest.raises(TakenOver):
        run(Lists([["1"], ["2"]], announced=2), book)
    assert book.ids == ["1"]


class Flat(Book):
    """A ledger that remembers whom it has met by the highest id."""

    highest = 0

    def look(self, progress: Progress, customer_ids: Sequence[str]) -> Known:
        """What is known of them."""
        assert progress.token
        return Known(frozenset(each for each in customer_ids if int(each) <= self.highest))

    def request(self, customer_ids: Sequence[str]) -> None:
        """Forget them."""
        assert len(customer_ids) <= AT_ONCE

    def advance(self, progress: Progress, met: Sequence[str], *, ended: bool) -> Progress:
        """Keep the highest."""
        assert ended in {True, False}
        self.highest = max([self.highest, *map(int, met)])
        return progress


class Long(Lists):
    """A list of 100 pages of 1,000 customers, each page made as it is read."""

    def customers(self, page: int) -> CustomerList:
        """One page."""
        ids = numbered(1_000 * (page - 1) + 1, 1_000 * page) if page <= 100 else []
        return CustomerList(tuple(map(Listed, ids)), pages=100)


def test_memory_does_not_grow_with_the_list() -> None:
    """It keeps a page, not the ids."""
    book = Flat()
    tracemalloc.start()
    for step in initialize(ALL, Long([]), book, ignore):
        assert step.progress.requested <= 100_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert book.highest == 100_000
    assert peak < 4 * 1024 * 1024
