"""The rate limit that the sandbox enforces by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.sandbox.faults import RateLimit, too_many_calls
from worker.sandbox.messages import Request
from worker.sandbox.server import Sandbox

CALL = Request("GET", "/customers/v2/Customer/1", {}, "Bearer sandbox-token")


class Clock:
    """A clock that goes where it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def test_calls_over_the_limit_are_told_how_long_to_wait() -> None:
    """The wait ends when the oldest call leaves the window."""
    clock = Clock()
    limit = RateLimit(2, 60, clock)
    waits = []
    for clock.now in (1000, 1010, 1020, 1060):
        waits.append(limit.wait_seconds())
    assert waits == [0, 0, 40, 0]


def test_refused_calls_do_not_count() -> None:
    """Whoever calls too often passes again as soon as the window allows."""
    clock = Clock()
    limit = RateLimit(1, 10, clock)
    waits = []
    for clock.now in (1000, 1004, 1009, 1010):
        waits.append(limit.wait_seconds())
    assert waits == [0, 6, 1, 0]


@given(gaps=st.lists(st.integers(min_value=0, max_value=5), max_size=80), limit=st.integers(min_value=1, max_value=6))
def test_no_window_holds_more_calls_than_the_limit(gaps: list[int], limit: int) -> None:
    """Wherever the window starts, it holds at most `limit` of the calls that passed."""
    clock, passed = Clock(), []
    rate_limit = RateLimit(limit, 10, clock)
    for gap in gaps:
        clock.now += gap
        if rate_limit.wait_seconds() == 0:
            passed.append(clock.now)
    assert all(sum(start <= at < start + 10 for at in passed) <= limit for start in passed)


@pytest.mark.parametrize(("wait_seconds", "retry_after"), [(0.01, "1"), (1, "1"), (1.2, "2"), (60, "60")])
def test_retry_after_is_rounded_up_to_whole_seconds(wait_seconds: float, retry_after: str) -> None:
    """Whoever waits that long is let through."""
    answer = too_many_calls(wait_seconds)
    assert (answer.status, answer.headers) == (429, {"Retry-After": retry_after})


@pytest.mark.parametrize(("limit", "seconds"), [(0, 60), (5, 0), (-1, 60), (5, -1)])
def test_a_limit_that_makes_no_sense_is_refused(limit: int, seconds: float) -> None:
    """Limit and seconds must be above 0, and the limit in force stays."""
    sandbox = Sandbox()
    sandbox.set_rate_limit("ipaas", 1)
    with pytest.raises(ValueError, match="must be above 0"):
        sandbox.set_rate_limit("ipaas", limit, seconds)
    assert [sandbox.answer(CALL).status for _ in range(2)] == [404, 429]


def test_each_api_has_its_own_limit() -> None:
    """A limit of Stamped.io leaves iPaaS.com alone."""
    sandbox = Sandbox([{"id": "1"}])
    sandbox.set_rate_limit("stamped", 1)
    assert [sandbox.answer(CALL).status for _ in range(3)] == [200, 200, 200]


def test_a_limit_can_be_lifted() -> None:
    """Every call passes afterwards."""
    sandbox = Sandbox([{"id": "1"}])
    sandbox.set_rate_limit("ipaas", 1)
    limited = [sandbox.answer(CALL).status for _ in range(2)]
    sandbox.set_rate_limit("ipaas", None)
    assert (limited, sandbox.answer(CALL).status) == ([200, 429], 200)
