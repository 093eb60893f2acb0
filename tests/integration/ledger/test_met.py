"""Whom an initialize has met, on a real Valkey: it outlives the process, is forgotten at the end, and takes little."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from worker.jobs.catalogue import Failure
from worker.jobs.job import Action, Job, Kind
from worker.jobs.progress import Known, ProgressLost, Selection, TakenOver

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from tests.conftest import Clock
    from worker.jobs.progress import Progress
    from worker.ledger import Ledger

SYSTEM = 4021
DAY_SECONDS = 24 * 60 * 60
LONG = "9223372036854775999"
"""An id that is no number for Redis: it is too large."""


def job(customer_id: str) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, SYSTEM, customer_id)


def look(ledger: Ledger, progress: Progress, *customer_ids: str) -> Known:
    """What is known of some customers."""
    return ledger.progress.look(progress, {each: ledger.key(job(each)) for each in customer_ids})


def met(ledger: Ledger, progress: Progress, *customer_ids: str) -> Sequence[str]:
    """Those of some customers whom the initialize has met."""
    return sorted(look(ledger, progress, *customer_ids).met)


def in_hand(ledger: Ledger, progress: Progress, *customer_ids: str) -> Sequence[str]:
    """Those of some customers for whom another job is needless."""
    return sorted(look(ledger, progress, *customer_ids).in_hand)


def begun(ledger: Ledger, selection: Selection = Selection.ALL) -> Progress:
    """An initialize that has just begun."""
    return ledger.progress.begin(SYSTEM, selection)


def test_those_who_were_noted_are_known(ledger: Ledger) -> None:
    """Ids of every length, also to whoever goes on with it later."""
    ids = ["7", "150713", "15071", LONG]
    ledger.progress.advance(begun(ledger), ids)
    again = begun(ledger)
    assert met(ledger, again, *ids, "8", "50713") == sorted(ids)


def test_each_initialize_knows_its_own(ledger: Ledger) -> None:
    """Of another connection, another selection, and one that begins anew, nobody is known."""
    ledger.progress.advance(begun(ledger), ["1"])
    assert met(ledger, begun(ledger, Selection.UNLINKED), "1") == []
    assert met(ledger, ledger.progress.begin(1, Selection.ALL), "1") == []
    assert met(ledger, ledger.progress.begin(SYSTEM, Selection.ALL, restart=True), "1") == []


def test_one_that_has_ended_leaves_nobody_behind(ledger: Ledger, client: redis.Redis) -> None:
    """A million ids are worth the memory only as long as they are needed."""
    progress = ledger.progress.advance(begun(ledger), [str(number) for number in range(1, 2_000)])
    ledger.progress.advance(progress, ["150713"], ended=True)
    assert not list(client.scan_iter("*:met:*"))


def test_those_who_were_noted_are_forgotten_in_time(ledger: Ledger, client: redis.Redis) -> None:
    """Nobody goes on with an initialize that was given up."""
    ledger.progress.advance(begun(ledger), ["7"])
    [key] = client.scan_iter("*:met:*")
    assert 0 < client.pttl(key) <= 30 * DAY_SECONDS * 1000


def test_many_ids_take_little_memory(ledger: Ledger, client: redis.Redis) -> None:
    """Some ten bytes each, so that a list of a million does not fill Redis."""
    progress, count = begun(ledger), 200_000
    before = int(client.info("memory")["used_memory"])
    for start in range(150_000_000, 150_000_000 + count, 500):
        ledger.progress.advance(progress, [str(start + number) for number in range(500)])
    assert int(client.info("memory")["used_memory"]) - before < 20 * count


def test_customer_whose_job_is_under_way_is_in_hand(ledger: Ledger) -> None:
    """Queued, sent, running or waiting, since whenever."""
    ledger.request_all([job("1"), job("2"), job("3")])
    ledger.claim(job("2"))
    ledger.defer(ledger.claim(job("3")), [], 3600, Failure("stamped-unreachable"), carried=False)
    assert in_hand(ledger, begun(ledger), "1", "2", "3", "4") == ["1", "2", "3"]


def test_customer_whose_job_has_ended_since_the_beginning_is_in_hand(ledger: Ledger, clock: Clock) -> None:
    """A trigger brought them; one that ended before is asked for again."""
    done(ledger, "1")
    clock.advance(1)
    progress = begun(ledger)
    done(ledger, "2")
    assert in_hand(ledger, progress, "1", "2") == ["2"]


@pytest.mark.parametrize("is_swept", [False, True])
def test_customer_whose_job_ended_by_a_clock_that_was_ahead_is_asked_for(
    ledger: Ledger, clock: Clock, is_swept: bool
) -> None:
    """It seems to have ended since the beginning, and ended before; also once a sweep has followed the clock."""
    clock.advance(1800)
    done(ledger, "1")
    clock.advance(-1800)
    progress = begun(ledger)
    clock.advance(60)
    if is_swept:
        assert ledger.sweep(Kind.CUSTOMER).mended == 1
    done(ledger, "2")
    assert in_hand(ledger, progress, "1", "2") == ["2"]


def done(ledger: Ledger, customer_id: str) -> None:
    """Transfer a customer."""
    ledger.request(job(customer_id))
    ledger.complete(ledger.claim(job(customer_id)), [], Action.UPDATED, "7")


@pytest.mark.parametrize("selection", [Selection.ALL, Selection.UNLINKED])
def test_failed_customer_is_asked_for_again_by_a_person(ledger: Ledger, clock: Clock, selection: Selection) -> None:
    """Whoever runs an initialize may have put the cause right."""
    ledger.request(job("1"))
    ledger.fail(ledger.claim(job("1")), [], Failure("email-missing"))
    clock.advance(1)
    assert in_hand(ledger, begun(ledger, selection), "1") == []


def test_progress_that_redis_lost_is_told_from_one_that_was_taken_over(ledger: Ledger, client: redis.Redis) -> None:
    """An emptied Redis is no other process."""
    progress = begun(ledger)
    begun(ledger)
    with pytest.raises(TakenOver) as raised:
        ledger.progress.advance(progress)
    assert not isinstance(raised.value, ProgressLost)
    client.flushdb()
    with pytest.raises(ProgressLost):
        ledger.progress.advance(progress)


# Catch-ups ------------------------------------------------------------------------------------------------------------


def due(ledger: Ledger, hours: float = 24) -> Progress | None:
    """A catch-up that is begun or gone on with now."""
    return ledger.progress.begin_catch_up(SYSTEM, hours * 3600)


def ended(ledger: Ledger, clock: Clock, *customer_ids: str) -> Progress:
    """The first catch-up, which has met some customers and has ended."""
    assert due(ledger) is None
    clock.advance(DAY_SECONDS)
    progress = due(ledger)
    assert progress
    return ledger.progress.advance(replace(progress, requested=len(customer_ids)), customer_ids, ended=True)


def test_first_catch_up_is_due_an_interval_after_the_connection_was_first_seen(ledger: Ledger, clock: Clock) -> None:
    """Whoever connects a store is not surprised by a full load."""
    assert due(ledger) is None
    clock.advance(DAY_SECONDS - 1)
    assert due(ledger) is None
    clock.advance(1)
    assert due(ledger)


def test_next_catch_up_is_due_an_interval_after_the_last_began(ledger: Ledger, clock: Clock) -> None:
    """And is told when the last one ended, and how many it asked for."""
    last = ended(ledger, clock, "1", "2")
    clock.advance(DAY_SECONDS - 1)
    assert due(ledger) is None
    clock.advance(1)
    progress = due(ledger)
    assert progress
    assert (progress.last_ended_at, progress.last_requested, progress.requested) == (last.ended_at, 2, 0)


def test_catch_up_that_somebody_is_at_is_left_to_them(ledger: Ledger, clock: Clock) -> None:
    """Until they have noted nothing for a minute; then it is gone on with where it was."""
    due(ledger)
    clock.advance(DAY_SECONDS)
    first = due(ledger)
    assert first
    assert due(ledger) is None
    ledger.progress.advance(replace(first, position='{"page": 4}'))
    clock.advance(59)
    assert due(ledger) is None
    clock.advance(1)
    second = due(ledger)
    assert second
    assert (second.position, second.started_at) == ('{"page": 4}', first.started_at)
    with pytest.raises(TakenOver):
        ledger.progress.advance(first)


def test_clock_that_goes_back_keeps_no_catch_up_waiting_for_longer_than_an_interval(
    ledger: Ledger, clock: Clock
) -> None:
    """Redis' clock was a year ahead when the last one began."""
    clock.advance(365 * DAY_SECONDS)
    ended(ledger, clock)
    clock.advance(-366 * DAY_SECONDS)
    assert due(ledger) is None
    clock.advance(DAY_SECONDS)
    assert due(ledger)


def test_catch_up_asks_nobody_again_for_a_month(ledger: Ledger, clock: Clock) -> None:
    """A customer who failed and was discarded does not come back every night, whenever they were met."""
    ended(ledger, clock, "1")
    for day in range(2, 100):
        clock.advance(DAY_SECONDS)
        progress = due(ledger)
        assert progress
        last_month = {str(each) for each in range(max(1, day - 30), day)}
        assert last_month <= look(ledger, progress, *last_month, str(day)).in_hand
        assert str(day) not in in_hand(ledger, progress, str(day))
        assert day < 70 or "1" not in in_hand(ledger, progress, "1")
        ledger.progress.advance(progress, [str(day)], ended=True)


def test_catch_up_remembers_whom_it_has_met_by_a_clock_that_was_ahead(ledger: Ledger, clock: Clock) -> None:
    """A clock that steps back is no reason to ask for everybody again."""
    clock.advance(365 * DAY_SECONDS)
    ended(ledger, clock, "7")
    clock.advance(-365 * DAY_SECONDS)
    assert due(ledger) is None
    clock.advance(DAY_SECONDS)
    progress = due(ledger)
    assert progress
    assert in_hand(ledger, progress, "7") == ["7"]


def test_failed_customer_is_left_in_the_error_logs_by_a_catch_up(ledger: Ledger, clock: Clock) -> None:
    """Since whenever: asking every night would only repeat it."""
    ledger.request(job("1"))
    ledger.fail(ledger.claim(job("1")), [], Failure("email-missing"))
    due(ledger)
    clock.advance(DAY_SECONDS)
    progress = due(ledger)
    assert progress
    assert in_hand(ledger, progress, "1") == ["1"]


def test_catch_up_and_unlinked_do_not_take_each_other_over(ledger: Ledger, clock: Clock) -> None:
    """Each has a progress of its own."""
    due(ledger)
    clock.advance(DAY_SECONDS)
    catch_up, unlinked = due(ledger), begun(ledger, Selection.UNLINKED)
    assert catch_up
    ledger.progress.advance(catch_up)
    ledger.progress.advance(unlinked)
    assert [each and each.token for each in ledger.progress.all_of([SYSTEM, 1], Selection.CATCH_UP)] == [
        catch_up.token,
        None,
    ]
