"""How a thread carries on, and when it is another's turn."""

from __future__ import annotations

import pytest

from worker.jobs.job import Job, Kind
from worker.ledger import Claim
from worker.ledger.guard import NOT_CARRYING, Carrying, carrying
from worker.ledger.records import CarryOn


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def claim_of(store: int) -> Claim:
    """A claim of a job of a store."""
    return Claim(Job(Kind.CUSTOMER, store, "1"), "token", 1, 0, "", False, None, {})


def turn(run: Carrying, clock: Clock, seconds_a_job: float = 0, store: int = 1) -> int:
    """How many jobs of a store the thread runs, each of which takes so long, until it is another's turn."""
    for count in range(1, 100):
        run.begin(claim_of(store).job)
        clock.now += seconds_a_job
        if run.ask() is CarryOn.OTHERS:
            return count
    raise AssertionError("its turn never ends")


@pytest.mark.parametrize("jobs", [1, 2, 20])
def test_turn_ends_with_its_last_job(jobs: int) -> None:
    """However quick they are."""
    clock = Clock()
    assert turn(Carrying(jobs, 1, clock=clock), clock) == jobs


@pytest.mark.parametrize(("seconds", "expected"), [(1, 4), (0, 1)])
def test_turn_ends_with_its_time(seconds: float, expected: int) -> None:
    """The job that is under way then is its last one."""
    clock = Clock()
    assert turn(Carrying(20, seconds, clock=clock), clock, seconds_a_job=0.3) == expected


def test_each_store_has_its_own_turn() -> None:
    """One that comes anew begins anew, in jobs and in time."""
    clock = Clock()
    run = Carrying(3, 1, clock=clock)
    assert turn(run, clock) == 3
    clock.now += 5
    assert turn(run, clock, store=2) == 3
    assert turn(run, clock, seconds_a_job=0.6, store=1) == 2


def test_store_that_goes_on_as_nobody_waits_is_asked_again_each_time() -> None:
    """Its turn stays over: whoever comes then waits for one job."""
    clock = Clock()
    run = Carrying(2, 1, clock=clock)
    turn(run, clock)
    run.begin(claim_of(1).job)
    assert run.ask() is CarryOn.OTHERS


def test_thread_that_is_wanted_carries_on_with_nothing() -> None:
    """The job that runs is its last one."""
    clock, wanted = Clock(), [False]
    run = Carrying(20, 1, clock=clock, is_wanted=lambda: wanted[0])
    run.begin(claim_of(1).job)
    assert run.ask() is CarryOn.STORE
    wanted[0] = True
    assert run.ask() is CarryOn.NOT


def test_claim_is_given_once_and_with_when_it_was_asked_for() -> None:
    """The lease may have begun then."""
    clock = Clock()
    run = Carrying(20, 1, clock=clock)
    assert run.begin(claim_of(1).job) is None
    run.ask()
    run.next_claim = granted = claim_of(2)
    clock.now += 7
    assert run.begin(granted.job) == (granted, 100.0)
    assert run.begin(granted.job) is None


def test_code_without_a_pool_carries_on_with_nothing() -> None:
    """As in a test, or where somebody runs a task in another pool."""
    assert carrying.get() is NOT_CARRYING
    assert NOT_CARRYING.ask() is CarryOn.NOT
