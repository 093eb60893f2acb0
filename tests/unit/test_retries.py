"""When a failed attempt is tried again, and when its whole store is held."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import (
    AnswerUnreadable,
    CustomerWriteFailed,
    EmailMissing,
    HostNotFound,
    InternalError,
    IPaaSCredentialsRefused,
    IPaaSUnreachable,
    LinkNotRecorded,
    StampedReadFailed,
    SubscriptionFailed,
    SyncError,
)
from worker.http import LONGEST_RETRY_AFTER_SECONDS
from worker.http import retry_after as parsed_retry_after
from worker.retries import LEAST_REST_SECONDS, SHORT_REST_SECONDS, Holds, Pause, Rest, Schedule, pause, rest

NO_ANSWER = IPaaSUnreachable()


def longest(low: float, high: float) -> float:
    """The draw that waits longest."""
    assert low <= high
    return high


def shortest(low: float, high: float) -> float:
    """The draw that waits least."""
    assert low <= high
    return low


@pytest.mark.parametrize("kind", [CustomerWriteFailed, SubscriptionFailed, StampedReadFailed, LinkNotRecorded])
@pytest.mark.parametrize("status", [None, 408, 429, 500, 502, 503, 599])
def test_what_may_pass_is_tried_again(kind: type[SyncError], status: int | None) -> None:
    """No answer, 408, 429 and 5xx are retried, whichever call met them."""
    assert rest(kind(http_status=status), 0) is not None


@pytest.mark.parametrize("kind", [CustomerWriteFailed, SubscriptionFailed, StampedReadFailed, LinkNotRecorded])
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 422])
def test_what_stays_wrong_is_not_tried_again(kind: type[SyncError], status: int) -> None:
    """Every other status fails at once."""
    assert rest(kind(http_status=status), 0) is None


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (IPaaSUnreachable(), True),
        (HostNotFound(), True),
        (EmailMissing(), False),
        (AnswerUnreadable(http_status=503), False),
        (IPaaSCredentialsRefused(http_status=401), False),
        (InternalError("KeyError in f:1"), False),
    ],
)
def test_the_catalogue_decides_where_the_status_does_not(error: SyncError, retried: bool) -> None:
    """An outage is retried whatever it is called; data, configuration and faults of ours are not."""
    assert (rest(error, 0) is not None) is retried


def test_rests_grow_from_seconds_to_the_schedule_of_ipaas() -> None:
    """Seconds first, doubling, then 20, 60 and 120 minutes, then never again."""
    rests = [rest(NO_ANSWER, attempt, draw=longest) for attempt in range(9)]
    assert rests == [*map(Rest, (4, 8, 16, 32, 1200, 3600, 7200)), None, None]


def test_fast_rests_are_fully_jittered() -> None:
    """Each is drawn from almost nothing up to its cap, so that a store that comes back is not hit by all at once."""
    assert [rest(NO_ANSWER, attempt, draw=shortest) for attempt in range(4)] == [Rest(LEAST_REST_SECONDS)] * 4


def test_fast_rests_are_short_however_many_there_are() -> None:
    """A rest of the fast kind never grows into one that Flower does not show."""
    many = Schedule(fast=20, slow_minutes=())
    rests = [rest(NO_ANSWER, attempt, many, longest) for attempt in range(20)]
    assert max(each.seconds for each in rests if each) == SHORT_REST_SECONDS


@pytest.mark.parametrize(("attempt", "retry_after", "seconds"), [(0, 120.0, 120.0), (0, 1.0, 4.0), (4, 7200.0, 7200.0)])
def test_retry_after_is_never_undercut(attempt: int, retry_after: float, seconds: float) -> None:
    """The API's own wish counts where it is the longer one."""
    error = CustomerWriteFailed(http_status=429, retry_after=retry_after)
    assert rest(error, attempt, draw=longest) == Rest(seconds)


def test_retry_after_of_an_error_that_stays_is_no_retry() -> None:
    """A 422 with `Retry-After` fails all the same."""
    assert rest(CustomerWriteFailed(http_status=422, retry_after=1.0), 0) is None


def test_retry_after_does_not_add_attempts() -> None:
    """An API that asks to come back for ever is given up."""
    assert rest(CustomerWriteFailed(http_status=429, retry_after=1.0), 7) is None


@pytest.mark.parametrize(
    ("schedule", "tries"),
    [(Schedule(), 8), (Schedule(fast=0), 4), (Schedule(fast=2, slow_minutes=()), 3), (Schedule(0, ()), 1)],
)
def test_schedule_says_how_often(schedule: Schedule, tries: int) -> None:
    """The first try and one for each rest of the schedule."""
    assert next(n for n in range(99) if rest(NO_ANSWER, n, schedule) is None) + 1 == tries


@given(attempt=st.integers(0, 50), value=st.one_of(st.none(), st.floats(-1e9, 1e12).map(str)))
def test_rest_is_always_sound(attempt: int, value: str | None) -> None:
    """Whatever an API says, a job rests for more than nothing and for no more than a day."""
    error = CustomerWriteFailed(http_status=503, retry_after=parsed_retry_after(value, datetime.now(UTC)))
    found = rest(error, attempt)
    assert found is None or LEAST_REST_SECONDS <= found.seconds <= LONGEST_RETRY_AFTER_SECONDS


WRITE = CustomerWriteFailed.entry.code
HOLDS = Holds(first_seconds=7, longest_seconds=900, strikes=4, spares=9)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CustomerWriteFailed(http_status=429, retry_after=30.0), Pause(30, 30)),
        (CustomerWriteFailed(http_status=429, retry_after=3600.0), Pause(3600, 3600)),
        (CustomerWriteFailed(http_status=429), Pause(7, 900)),
        (IPaaSCredentialsRefused(http_status=401), Pause(7, 900)),
        (IPaaSCredentialsRefused(http_status=403), Pause(7, 900)),
        (CustomerWriteFailed(http_status=500), Pause(7, 900, strikes=4, spares=9)),
        (CustomerWriteFailed(http_status=503), Pause(7, 900, strikes=4, spares=9)),
        (CustomerWriteFailed(http_status=503, retry_after=30.0), Pause(30, 900, strikes=4, spares=9)),
        (CustomerWriteFailed(http_status=408), Pause(7, 900, strikes=4, spares=9)),
        (IPaaSUnreachable(), Pause(7, 900, strikes=4, spares=9)),
        (HostNotFound(), Pause(7, 900, strikes=4, spares=9)),
        (CustomerWriteFailed(http_status=400), None),
        (CustomerWriteFailed(http_status=404), None),
        (CustomerWriteFailed(http_status=422, retry_after=30.0), None),
        (EmailMissing(), None),
        (InternalError("KeyError in f:1"), None),
    ],
)
def test_error_of_the_whole_store_holds_it(error: SyncError, expected: Pause | None) -> None:
    """Too many calls for `Retry-After`, credentials at once, an outage after some in a row; a job's own error never."""
    assert pause(error, HOLDS) == expected


def test_only_an_outage_uses_up_attempts_in_the_end() -> None:
    """Any number of jobs may wait for a throttle or for credentials; a job that alone meets 5xx is at fault itself."""
    errors = [CustomerWriteFailed(http_status=429), IPaaSCredentialsRefused(http_status=401), IPaaSUnreachable()]
    assert [paused.spares > 0 for paused in map(pause, errors) if paused] == [False, False, True]
