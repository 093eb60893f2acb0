"""The memory on a real Valkey: what happened, by time and by what it is about, however much of it there is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import VIRTUAL_CLOCK
from tests.integration.jobs import CALLS, FAILURE, calls_of
from worker.jobs.asking import Asker, Source
from worker.jobs.job import Action, Job, Kind
from worker.ledger import Ledger, LedgerTimes
from worker.ledger.memory.event import PAUSED, Change, EventFilter
from worker.ledger.memory.events import LANES
from worker.ledger.scripting import piece
from worker.presentation.events import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from tests.conftest import Clock
    from worker.ledger.memory.event import Event

CHUNK = 5
"""How many events a chunk holds here."""
STORES = (4021, 4022, 14021)
TRIGGER, PERSON, BACKGROUND = Asker(), Asker(Source.RERUN, "anna"), Asker(Source.INITIALIZE)
GUID = "6f0c2b6e-0000-4000-8000-0000000000"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EVERYTHING = EventFilter()


def made(client: redis.Redis, **times: Any) -> Ledger:
    """A ledger with small chunks."""
    pieces = {"_clock": VIRTUAL_CLOCK, "_events": piece("_events").replace("CHUNK = 4096", f"CHUNK = {CHUNK}")}
    return Ledger(client, LedgerTimes(**times), replaced=pieces)


@pytest.fixture
def ledger(client: redis.Redis, clock: Clock) -> Ledger:  # noqa: ARG001 - the clock must be there
    """That ledger."""
    return made(client)


def customer(number: int, system_id: int = STORES[0], kind: Kind = Kind.CUSTOMER) -> Job:
    """A job."""
    return Job(kind, system_id, str(150_000 + number))


def run(ledger: Ledger, job: Job, asker: Asker = TRIGGER, *, fails: bool = False, guid: str = "") -> None:
    """Ask for a job and end it."""
    ledger.request(job, asker, tracking_guid=guid)
    claim = ledger.claim(job)
    if fails:
        ledger.fail(claim, CALLS, FAILURE)
    else:
        ledger.complete(claim, calls_of(2, 1), Action.UPDATED, str(140_000_000 + int(job.customer_id)))


@pytest.fixture
def lived(ledger: Ledger, clock: Clock) -> list[Event]:
    """Forty events of all kinds, a minute after each other, the newest first."""
    for number in range(39):
        job = customer(number % 7, STORES[number % 3])
        run(
            ledger, job, (TRIGGER, PERSON, BACKGROUND)[number % 4 % 3], fails=number % 5 == 0, guid=f"{GUID}{number:02}"
        )
        clock.advance(60)
    ledger.events.note(Change(PAUSED, Asker(Source.PERSON, "anna"), STORES[0], note="the store moves"))
    return in_pages(ledger, EVERYTHING, 100)


def in_pages(ledger: Ledger, wanted: EventFilter, size: int) -> list[Event]:
    """All that fits, a page after the other, as links lead from one to the next."""
    page = ledger.events.page(wanted, size=size)
    found = list(page.events)
    while page.next:
        assert len(page.events) == size
        page = ledger.events.page(wanted, page.next, size)
        found += page.events
    return found


def test_all_of_it_is_there_newest_first(lived: list[Event]) -> None:
    """What the background asked for among the rest, by its time."""
    assert len(lived) == 40
    assert lived == sorted(lived, key=lambda event: event.ended_at, reverse=True)
    assert {event.asker.source for event in lived} >= {Source.TRIGGER, Source.RERUN, Source.INITIALIZE, Source.PERSON}
    change = lived[0]
    assert (change.outcome, change.job, change.system_id, change.note) == (PAUSED, None, STORES[0], "the store moves")
    assert change.asker.words == "person by anna"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 39, 40, 41])
@pytest.mark.parametrize(
    "wanted",
    [
        EVERYTHING,
        EventFilter(system_id=STORES[0]),
        EventFilter(system_id=STORES[2]),
        EventFilter(system_id=21),
        EventFilter(customer_id="150003"),
        EventFilter(customer_id="3"),
        EventFilter(kind=Kind.SUBSCRIPTION),
        EventFilter(tracking_guid=f"{GUID}17"),
        EventFilter(tracking_guid="no such id"),
        EventFilter(stamped_id="140150003"),
        EventFilter(code=FAILURE.code),
        EventFilter(code="email-missing"),
        EventFilter(outcome=Action.UPDATED),
        EventFilter(outcome="failed", system_id=STORES[1]),
        EventFilter(source=Source.INITIALIZE),
        EventFilter(source=Source.RERUN, outcome="failed"),
        EventFilter(source=Source.PERSON),
    ],
    ids=lambda each: str(each) if isinstance(each, int) else "-".join(map(str, filter(None, each.args))) or "all",
)
def test_each_filter_finds_what_it_means(ledger: Ledger, lived: list[Event], wanted: EventFilter, size: int) -> None:
    """On pages of any length, and nothing twice."""
    assert in_pages(ledger, wanted, size) == [event for event in lived if wanted.holds(event)]


@pytest.mark.parametrize(("first", "last"), [(0, 39), (3, 8), (5, 5), (20, 39), (9, 10)])
def test_between_two_times(ledger: Ledger, lived: list[Event], first: int, last: int) -> None:
    """Both included."""
    wanted = EventFilter(since=lived[last].ended_at, until=lived[first].ended_at)
    assert in_pages(ledger, wanted, 4) == lived[first : last + 1]
    wanted = replace(wanted, system_id=STORES[1])
    assert in_pages(ledger, wanted, 4) == [each for each in lived[first : last + 1] if each.system_id == STORES[1]]


def test_pages_hold_while_more_happens(ledger: Ledger, lived: list[Event]) -> None:
    """The next one begins behind the one before, whatever came meanwhile."""
    page = ledger.events.page(EVERYTHING, size=10)
    run(ledger, customer(1))
    run(ledger, customer(2), BACKGROUND)
    assert ledger.events.page(EVERYTHING, page.next, 10).events == lived[10:20]


@pytest.mark.parametrize("begins", ["", "x", "1-2-3", "1-2-3-4-5", "a-b-c-d", "²-1-1-1", f"{10**20}-1-1-1", "-1-1-1-1"])
def test_a_link_that_is_none_begins_with_the_newest(ledger: Ledger, lived: list[Event], begins: str) -> None:
    """Nobody made it on a page of ours."""
    assert ledger.events.page(EVERYTHING, begins, 3).events == lived[:3]


# What is kept ---------------------------------------------------------------------------------------------------------


def test_no_more_is_kept_than_is_wanted_and_an_initialize_pushes_nothing_else_out(
    client: redis.Redis, ledger: Ledger, clock: Clock
) -> None:
    """Whole chunks go, the oldest first."""
    for number in range(12):
        run(ledger, customer(number))
    for number in range(60):
        run(ledger, customer(number), BACKGROUND)
        clock.advance(1)  # within the store's throttle
    while ledger.events.forget(keep_ms=10**10, most=10):
        pass
    kept = in_pages(ledger, EVERYTHING, 100)
    assert sum(event.asker == TRIGGER for event in kept) == 12
    assert 10 <= sum(event.asker == BACKGROUND for event in kept) <= 10 + CHUNK
    assert [event.customer_id for event in kept[:3]] == ["150059", "150058", "150057"]
    assert (
        len(client.keys("stamped-sync:events:background:*")) == len(client.keys("stamped-sync:marks:background:*")) <= 3
    )


def test_what_is_old_is_forgotten(client: redis.Redis, clock: Clock) -> None:
    """An event is kept for as long as a finished job, and a day more at most, however little happens."""
    ledger = made(client, done_days=7)
    run(ledger, customer(1))
    clock.advance(DAY.total_seconds())
    ledger.forget_events()
    run(ledger, customer(2))
    for _ in range(8):
        assert len(ledger.events.life_of(customer(1))) == len(ledger.events.life_of(customer(2))) == 1
        clock.advance(DAY.total_seconds() - 1)
        ledger.forget_events()
    assert not ledger.events.life_of(customer(1))
    assert ledger.events.life_of(customer(2))
    clock.advance(DAY.total_seconds() * 2)
    ledger.forget_events()
    assert not ledger.events.page(EVERYTHING).events
    assert not client.keys("stamped-sync:events:*")
    clock.advance(DAY.total_seconds() * 3)
    ledger.forget_events()
    assert not client.keys("stamped-sync:tally:*")


def test_sweeps_forget_once_a_minute(client: redis.Redis, clock: Clock) -> None:
    """Whoever sweeps."""
    ledger = made(client, events=CHUNK)
    for number in range(20):
        run(ledger, customer(number))
    ledger.forget_events()
    left = len(in_pages(ledger, EVERYTHING, 100))
    assert left <= 3 * CHUNK
    for number in range(20):
        run(ledger, customer(number))
    ledger.forget_events()
    assert len(in_pages(ledger, EVERYTHING, 100)) == left + 20
    clock.advance(61)
    ledger.forget_events()
    assert len(in_pages(ledger, EVERYTHING, 100)) <= 3 * CHUNK


@pytest.mark.parametrize(
    "lost",
    [*("marks:asked:1", "marks:asked:2", "events:asked:2", "chunk:asked", "chunks:asked"), "chunks:asked chunk:asked"],
)
def test_what_redis_has_lost_hides_nothing_else(ledger: Ledger, client: redis.Redis, lost: str) -> None:
    """Marks that do not fit their events are not gone by, and nothing is written over what is there."""
    for number in range(8):
        run(ledger, customer(number))
    client.delete(*(f"stamped-sync:{each}" for each in lost.split()))
    for number in range(8, 16):
        run(ledger, customer(number))
    ledger.events.forget(keep_ms=10**10, most=1000)
    gone = {str(150_000 + number) for number in (5, 6, 7)} if lost == "events:asked:2" else set()
    expected = {str(150_000 + number) for number in range(16)} - gone
    assert {event.customer_id for event in in_pages(ledger, EVERYTHING, 3)} == expected
    for each in expected:
        assert [event.customer_id for event in ledger.events.life_of(Job(Kind.CUSTOMER, STORES[0], each))] == [each]


def test_each_event_is_in_one_lane(lived: list[Event], client: redis.Redis) -> None:
    """In chunks that are whole but for the last."""
    sizes = {lane: [client.llen(key) for key in client.keys(f"stamped-sync:events:{lane}:*")] for lane in LANES}
    assert sum(map(sum, sizes.values())) == len(lived)
    for counts in sizes.values():
        assert sorted(counts, reverse=True)[:-1] == [CHUNK] * (len(counts) - 1)


# How many -------------------------------------------------------------------------------------------------------------


def tallies(
    ledger: Ledger, systems: Sequence[int], span: timedelta, step: timedelta
) -> list[tuple[list[int], list[int]]]:
    """What was counted of each store."""
    found = ledger.events.tallies(systems, span, step)
    return [(found[each].done, found[each].failed) for each in systems]


def test_ended_jobs_are_counted_by_store_and_time(ledger: Ledger, clock: Clock) -> None:
    """Well and badly; what was put back or tried again is not counted."""
    start = datetime(2026, 3, 1, 23, 41, tzinfo=UTC)
    clock.advance(start.timestamp() - datetime.now(UTC).timestamp())
    run(ledger, customer(1))
    run(ledger, customer(2), fails=True)
    ledger.request(customer(3))
    ledger.defer(ledger.claim(customer(3)), CALLS, 300, FAILURE, carried=False)
    clock.advance(30 * 60)
    run(ledger, customer(1, STORES[1]))
    run(ledger, customer(2, STORES[1]))
    an_hour = tallies(ledger, STORES, HOUR, 10 * MINUTE)
    assert an_hour[0] == ([0, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0])
    assert an_hour[1] == ([0, 0, 0, 0, 0, 2], [0] * 6)
    assert an_hour[2] == ([0] * 6, [0] * 6)
    a_day = tallies(ledger, STORES[:1], DAY, HOUR)
    assert [sum(each) for each in a_day[0]] == [1, 1]
    clock.advance(DAY.total_seconds())
    assert [sum(each) for each in tallies(ledger, STORES[:1], DAY, HOUR)[0]] == [0, 0]
    assert [sum(each) for each in tallies(ledger, STORES[:1], 2 * DAY, HOUR)[0]] == [1, 1]


def test_a_clock_that_was_ahead_for_a_moment_costs_no_event(client: redis.Redis, clock: Clock) -> None:
    """Neither then, nor when what is old is forgotten."""
    ledger = made(client, done_days=2)
    run(ledger, customer(1))
    clock.advance(30 * DAY.total_seconds())
    run(ledger, customer(2))
    clock.advance(-30 * DAY.total_seconds())
    for number in range(3, 12):
        run(ledger, customer(number))
        ledger.forget_events()
        shown = {event.customer_id for event in in_pages(ledger, EVERYTHING, 100)}
        assert str(150_000 + number) in shown
        clock.advance(DAY.total_seconds())


def test_times_are_found_after_a_step_back_of_the_clock(ledger: Ledger, clock: Clock) -> None:
    """Whichever chunk they are in."""
    for number in range(12):
        run(ledger, customer(number))
        clock.advance(-60)
    events = in_pages(ledger, EVERYTHING, 100)
    first, last = min(each.ended_at for each in events), max(each.ended_at for each in events)
    assert len(in_pages(ledger, EventFilter(since=first, until=last), 5)) == 12
    middle = first + (last - first) / 2
    before, after = (in_pages(ledger, each, 5) for each in (EventFilter(until=middle), EventFilter(since=middle)))
    assert len(before) + len(after) == 12


@pytest.mark.parametrize("guid", ["not a guid", "zzzzzzzz", "ümläut", "x" * 500, "0", "-1234567"])
def test_an_id_of_any_letters_is_found(ledger: Ledger, guid: str) -> None:
    """Upstream may send any."""
    run(ledger, customer(1), guid=guid)
    run(ledger, customer(2), guid=f"{guid}!")
    assert [each.customer_id for each in in_pages(ledger, EventFilter(tracking_guid=guid), 5)] == ["150001"]


def test_many_candidates_are_looked_through_in_parts(client: redis.Redis, clock: Clock) -> None:  # noqa: ARG001
    """However few a script looks at."""
    pieces = {"_clock": VIRTUAL_CLOCK, "_events": piece("_events").replace("CHUNK = 4096", "CHUNK = 50")}
    pieces["events"] = piece("events").replace("LOOKS = 3000", "LOOKS = 7")
    ledger = Ledger(client, replaced=pieces)
    for number in range(30):
        run(ledger, customer(number), fails=number % 10 == 0)
    assert [each.customer_id for each in in_pages(ledger, EventFilter(outcome="failed"), 2)] == [
        *("150020", "150010", "150000"),
    ]
    assert len(in_pages(ledger, EventFilter(system_id=STORES[0]), 4)) == 30


def test_every_outcome_has_its_mark_and_its_words() -> None:
    """One list of them in the scripts, one for people."""
    listed = re.findall(r"(\w+) = \d+", piece("_events").partition("OUTCOMES = {")[2].partition("}")[0])
    assert set(listed) == set(OUTCOMES)
    sources = piece("_events").partition("SOURCES = {")[2].partition("}")[0]
    assert {each for each in Source if each} == set(re.findall(r"([a-z-]+)(?:'\])? = \d", sources))
