"""When the pump looks at a store, and how a backlog's calls are spread over the throttle's window."""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import VIRTUAL_CLOCK, Clock
from tests.integration.jobs import calls_of, pushed_by, taken
from worker.jobs.catalogue import Failure
from worker.jobs.job import Action, Job, Kind
from worker.jobs.retries import Pause
from worker.ledger import Claim, Ledger, LedgerTimes, Limit, StoreLimits
from worker.ledger.keys import DUE

if TYPE_CHECKING:
    import redis

USED = calls_of(2, 1)
FAILURE = Failure("customer-write-failed", 503)
UNTHROTTLED = StoreLimits(concurrent=2, stamped=None)


def make(client: redis.Redis, clock: Clock, *stores: StoreLimits) -> Ledger:  # noqa: ARG001 - the clock must be there
    """A ledger for stores 1, 2 and so on."""
    return Ledger(client, LedgerTimes(45, 30), dict(enumerate(stores, 1)), replaced={"_clock": VIRTUAL_CLOCK})


def jobs(count: int, system_id: int = 1) -> list[Job]:
    """So many customer jobs of a store."""
    return [Job(Kind.CUSTOMER, system_id, str(number)) for number in range(count)]


def due(client: redis.Redis) -> list[str]:
    """The stores that the pump looks at, now or later."""
    stores: Any = client.zrange(DUE, 0, -1)
    return list(stores)


def pumped(ledger: Ledger) -> list[Job]:
    """The jobs that a round of the pump lets run."""
    return pushed_by(ledger, ledger.admit_due)


def work_off(ledger: Ledger, clock: Clock, seconds: float) -> list[float]:
    """Run whatever may run, at once, for a time; when each job called the store."""
    called: list[float] = []
    until = clock.now_ms / 1000 + seconds
    while (now := clock.now_ms / 1000) < until:
        wait = ledger.admit_due()
        ready = taken(ledger)
        for job in ready:
            called.append(now)
            ledger.complete(ledger.claim(job), USED, Action.UPDATED, "1")
        if not ready:
            clock.advance(max(wait or 1, 0.01))
    return called


# Which stores the pump looks at ---------------------------------------------------------------------------------------


def test_pump_does_not_look_at_a_store_that_needs_no_time(client: redis.Redis, clock: Clock) -> None:
    """Nobody waits, or whoever waits does so for a job that is under way: its end lets the next one run."""
    ledger = make(client, clock, UNTHROTTLED, UNTHROTTLED)
    assert (ledger.admit_due(), due(client)) == (None, [])
    ledger.request_all(jobs(3))
    assert (ledger.admit_due(), due(client)) == (None, [])


def test_pump_looks_at_a_throttled_store_when_its_window_is_over(client: redis.Redis, clock: Clock) -> None:
    """Only then, and not before."""
    ledger = make(client, clock, StoreLimits(stamped=Limit(1, 10)), UNTHROTTLED)
    (job,) = pushed_by(ledger, lambda: ledger.request_all(jobs(2)))
    assert due(client) == []
    ledger.complete(ledger.claim(job), USED, Action.UPDATED, "1")
    assert (ledger.admit_due(), due(client)) == (10.0, ["1"])
    clock.advance(9)
    assert pumped(ledger) == []
    clock.advance(1)
    assert (pumped(ledger), due(client)) == (jobs(2)[1:], [])


def test_pump_looks_at_a_held_store_when_its_hold_is_over(client: redis.Redis, clock: Clock) -> None:
    """And at once if an operator ends it."""
    ledger = make(client, clock, UNTHROTTLED)
    ledger.request(jobs(1)[0])
    ledger.hold(ledger.claim(jobs(1)[0]), USED, FAILURE, Pause(30, 30))
    assert ledger.admit_due() == 30.0
    clock.advance(29)
    assert pumped(ledger) == []
    ledger.release(1)
    assert (pumped(ledger), due(client)) == (jobs(1), [])


def test_one_round_sends_the_jobs_of_many_stores(client: redis.Redis, clock: Clock) -> None:
    """All that are due, in one round trip more; the next round follows at once if there are too many."""
    ledger = make(client, clock, *[UNTHROTTLED] * 150)
    for system_id in range(1, 151):
        job = Job(Kind.CUSTOMER, system_id, "1")
        ledger.request(job)
        ledger.fail(ledger.claim(job), USED, FAILURE)
        ledger.retry_failed(Kind.CUSTOMER, 1)
    taken(ledger)
    assert [(ledger.admit_due(), len(taken(ledger))) for _ in range(3)] == [(0.0, 100), (None, 50), (None, 0)]


@pytest.mark.parametrize("step_back", [0, 3600], ids=["Redis lost it", "the clock has stepped back since"])
def test_sweep_brings_back_what_the_pump_does_not_know(client: redis.Redis, clock: Clock, step_back: int) -> None:
    """When the store is due is noted anew."""
    ledger = make(client, clock, StoreLimits(stamped=Limit(1, 10)))
    (job,) = pushed_by(ledger, lambda: ledger.request_all(jobs(2)))
    ledger.complete(ledger.claim(job), USED, Action.UPDATED, "1")
    clock.advance(-step_back)
    if not step_back:
        client.delete(DUE)
    ledger.sweep(Kind.CUSTOMER)
    clock.advance(10)
    assert pumped(ledger) == jobs(2)[1:]


# The pace of a backlog ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [Limit(50, 10), Limit(100, 1), Limit(500, 60), Limit(3000, 60)])
def test_backlog_is_spread_over_the_window(client: redis.Redis, clock: Clock, limit: Limit) -> None:
    """No tenth of a window holds much more than a tenth of the calls, and the whole allowance is used."""
    ledger = make(client, clock, StoreLimits(concurrent=10, stamped=limit))
    ledger.request_all(jobs(3 * limit.calls))
    times = work_off(ledger, clock, 2 * limit.seconds)
    tenth, whole = limit.seconds / 10, limit.seconds
    assert max(_within(times, at, tenth) for at in times) <= 0.15 * limit.calls
    assert max(_within(times, at, whole) for at in times) <= limit.calls
    assert len(times) >= 0.98 * 2 * limit.calls


def test_a_tenth_of_the_allowance_goes_at_once(client: redis.Redis, clock: Clock) -> None:
    """Whoever changes a few customers sees them at once."""
    ledger = make(client, clock, StoreLimits(concurrent=100, stamped=Limit(100, 60)))
    assert len(pushed_by(ledger, lambda: ledger.request_all(jobs(50)))) == 10


def test_slots_that_were_not_used_do_not_slow_the_pace(client: redis.Redis, clock: Clock) -> None:
    """A job that ended before its call to the store leaves its time to another."""
    ledger = make(client, clock, StoreLimits(concurrent=100, stamped=Limit(100, 100)))
    ready = pushed_by(ledger, lambda: ledger.request_all(jobs(300)))
    calls = 0
    while ready and calls < 200:
        claim: Claim = ledger.claim(ready.pop())
        calls += 1
        ready += pushed_by(ledger, partial(ledger.fail, claim, calls_of(1, 0), FAILURE))
    assert calls == 200


def test_pace_by_a_clock_that_stepped_back_is_not_kept(client: redis.Redis, clock: Clock) -> None:
    """Or the store would wait until the clock has caught up."""
    ledger = make(client, clock, StoreLimits(concurrent=100, stamped=Limit(100, 60)))
    client.hset("stamped-sync:store:1", "paced stamped", clock.now_ms + 3_600_000)
    assert pushed_by(ledger, lambda: ledger.request_all(jobs(300)))


def test_store_goes_on_soon_after_a_step_back_within_its_window(client: redis.Redis, clock: Clock) -> None:
    """A sweep forgets the pace; the throttle still holds."""
    ledger = make(client, clock, StoreLimits(concurrent=100, stamped=Limit(100, 3600)))
    ledger.request_all(jobs(300))
    called = len(work_off(ledger, clock, 1800))
    clock.advance(-1500)
    ledger.sweep(Kind.CUSTOMER)
    called += len(work_off(ledger, clock, 60))
    assert 50 < called <= 100


def _within(times: list[float], start: float, seconds: float) -> int:
    """The calls in the window that begins with one of them."""
    return bisect_left(times, start + seconds - 1e-6) - bisect_left(times, start)
