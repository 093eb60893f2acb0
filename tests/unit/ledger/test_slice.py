"""How long a worker carries on with a store's next jobs."""

from __future__ import annotations

import pytest

from worker.jobs.job import Job, Kind
from worker.ledger import Claim
from worker.ledger.guard import Slice


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def jobs_of(slice_: Slice, clock: Clock, seconds_a_job: float = 0, *, is_awaited: bool = False) -> int:
    """How many jobs are run in a slice, each of which takes so long, while messages wait or not."""
    claim = Claim(Job(Kind.CUSTOMER, 1, "1"), "token", 1, 0, "", False, None, {}, is_awaited=is_awaited)
    count = 0
    while True:
        slice_.granted()
        count += 1
        clock.now += seconds_a_job
        if not slice_.asks():
            return count
        slice_.next_claim = claim


@pytest.mark.parametrize(("jobs", "expected"), [(1, 1), (2, 2), (20, 20)])
def test_slice_ends_with_its_last_job(jobs: int, expected: int) -> None:
    """However quick they are."""
    clock = Clock()
    assert jobs_of(Slice(jobs, 1, clock=clock), clock) == expected


def test_slice_ends_with_its_time() -> None:
    """The job that is under way then is its last one."""
    clock = Clock()
    assert jobs_of(Slice(20, 1, clock=clock), clock, seconds_a_job=0.3) == 4


@pytest.mark.parametrize(("jobs", "seconds_a_job", "expected"), [(20, 0, 5), (20, 0.1, 3), (1, 0, 1), (3, 0, 2)])
def test_slice_is_a_quarter_while_messages_wait(jobs: int, seconds_a_job: float, expected: int) -> None:
    """Of its jobs and of its time; that is known from its second job on."""
    clock = Clock()
    assert jobs_of(Slice(jobs, 1, clock=clock), clock, seconds_a_job, is_awaited=True) == expected


def test_worker_that_stops_carries_on_with_nothing() -> None:
    """The job that runs is its last one."""
    clock = Clock()
    assert jobs_of(Slice(20, 1, clock=clock, is_stopping=lambda: True), clock) == 1
