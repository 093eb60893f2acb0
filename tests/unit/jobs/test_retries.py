"""When a failed attempt is tried again, and when its whole store is held: by the intent of its error alone."""

from __future__ import annotations

from random import uniform
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.http.retry_after import LONGEST_SECONDS
from worker.jobs.errors import (
    CustomerNotFound,
    CustomerWriteFailed,
    EmailMissing,
    HostNotFound,
    InternalError,
    IPaaSCredentialsRefused,
    IPaaSUnreachable,
    StampedIdUnknown,
    SyncError,
)
from worker.jobs.intents import Intent, Trouble
from worker.jobs.retries import (
    LEAST_REST_SECONDS,
    NOT_YET_SECONDS,
    SHORT_REST_SECONDS,
    Fail,
    Holds,
    Pause,
    Policy,
    Retry,
    Schedule,
    decide,
    retry,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NO_ANSWER = IPaaSUnreachable()
SCHEDULE = Schedule(fast=4, slow_minutes=(20, 60, 120))
HOLDS = Holds(first_seconds=7, longest_seconds=900, strikes=4)
POLICY = Policy(SCHEDULE, HOLDS)


def rest(
    error: SyncError, attempt: int, schedule: Schedule = SCHEDULE, draw: Callable[[float, float], float] = uniform
) -> Retry | None:
    """When a job is tried again whose error is its own, or None."""
    decision = decide(error, attempt, Policy(schedule, HOLDS), 0, draw)
    assert decision == (retry(error, attempt, schedule, draw) or Fail()) or draw is uniform
    return decision if isinstance(decision, Retry) else None


def longest(low: float, high: float) -> float:
    """The draw that waits longest."""
    assert low <= high
    return high


def shortest(low: float, high: float) -> float:
    """The draw that waits least."""
    assert low <= high
    return low


def meant(intent: Intent, trouble: Trouble | None = None, **options: float) -> SyncError:
    """The error of an answer that meant this; its status says the opposite."""
    status = 422 if intent is Intent.STORES else 503
    return CustomerWriteFailed(http_status=status, intent=intent, trouble=trouble, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (meant(Intent.STORES), True),
        (meant(Intent.NOT_YET), True),
        (meant(Intent.CUSTOMERS), False),
        (meant(Intent.OURS), False),
        (IPaaSUnreachable(), True),
        (HostNotFound(), True),
        (StampedIdUnknown(), True),
        (CustomerNotFound(), True),
        (CustomerNotFound(intent=Intent.CUSTOMERS), False),
        (EmailMissing(), False),
        (InternalError("KeyError in f:1"), False),
    ],
)
def test_intent_alone_says_whether_it_is_tried_again(error: SyncError, is_retried: bool) -> None:
    """What would meet any customer, and what a short delay explains; not the status."""
    assert (rest(error, 0) is not None) is is_retried


def test_rests_grow_from_seconds_to_the_schedule_of_ipaas() -> None:
    """Seconds first, doubling, then 20, 60 and 120 minutes, then never again."""
    rests = [rest(NO_ANSWER, attempt, draw=longest) for attempt in range(9)]
    assert rests == [*map(Retry, (4, 8, 16, 32, 1200, 3600, 7200)), None, None]


def test_what_is_not_there_yet_is_looked_for_for_some_minutes() -> None:
    """And then no more: a customer that was deleted shows among the failures soon."""
    rests = [rest(StampedIdUnknown(), attempt, draw=longest) for attempt in range(len(NOT_YET_SECONDS) + 1)]
    assert rests == [*map(Retry, NOT_YET_SECONDS), None]
    least = sum(found.seconds for n in range(8) if (found := rest(StampedIdUnknown(), n, draw=shortest)))
    assert 60 < least < sum(NOT_YET_SECONDS) < 5 * 60


def test_fast_rests_are_fully_jittered() -> None:
    """Each is drawn from almost nothing up to its cap, so that a store that comes back is not hit by all at once."""
    assert [rest(NO_ANSWER, attempt, draw=shortest) for attempt in range(4)] == [Retry(LEAST_REST_SECONDS)] * 4


def test_fast_rests_are_short_however_many_there_are() -> None:
    """A rest of the fast kind never grows into one that Flower does not show."""
    many = Schedule(fast=20, slow_minutes=())
    rests = [rest(NO_ANSWER, attempt, many, longest) for attempt in range(20)]
    assert max(each.seconds for each in rests if each) == SHORT_REST_SECONDS


@pytest.mark.parametrize(("attempt", "retry_after", "seconds"), [(0, 120.0, 120.0), (0, 1.0, 4.0), (4, 3600.0, 3600.0)])
def test_retry_after_is_never_undercut(attempt: int, retry_after: float, seconds: float) -> None:
    """The API's own wish counts where it is the longer one."""
    assert rest(meant(Intent.STORES, retry_after=retry_after), attempt, draw=longest) == Retry(seconds)


def test_retry_after_of_an_error_that_stays_is_no_retry() -> None:
    """A refusal of this customer with `Retry-After` fails all the same."""
    assert rest(meant(Intent.CUSTOMERS, retry_after=1.0), 0) is None


def test_retry_after_does_not_add_attempts() -> None:
    """An API that asks to come back for ever is given up."""
    assert rest(meant(Intent.STORES, retry_after=1.0), 7) is None


@pytest.mark.parametrize(
    ("schedule", "tries"),
    [(SCHEDULE, 8), (Schedule(0, (20, 60, 120)), 4), (Schedule(fast=2, slow_minutes=()), 3), (Schedule(0, ()), 1)],
)
def test_schedule_says_how_often(schedule: Schedule, tries: int) -> None:
    """The first try and one for each rest of the schedule."""
    assert next(n for n in range(99) if rest(NO_ANSWER, n, schedule) is None) + 1 == tries


@given(
    attempt=st.integers(0, 50),
    asked=st.one_of(st.none(), st.floats(1, LONGEST_SECONDS)),
    intent=st.sampled_from(Intent),
)
def test_rest_is_always_sound(attempt: int, asked: float | None, intent: Intent) -> None:
    """Whatever an API says, a job rests for more than nothing and for no more than two hours."""
    found = rest(CustomerWriteFailed(retry_after=asked, intent=intent), attempt)
    assert found is None or LEAST_REST_SECONDS <= found.seconds <= 120 * 60


def test_trouble_of_the_store_costs_no_attempt_and_ever_longer_rests() -> None:
    """Up to the longest hold, however often it is met."""
    holds = Policy(SCHEDULE, Holds(first_seconds=7, longest_seconds=600, strikes=4))
    rests = [decide(NO_ANSWER, 0, holds, met, longest) for met in (1, 2, 3, 8, 9, 1000)]
    assert rests == [Retry(seconds, costs_attempt=False) for seconds in (4, 8, 16, 512, 600, 600)]
    asked = meant(Intent.STORES, retry_after=90.0)
    assert decide(asked, 0, holds, 1, shortest) == Retry(90, costs_attempt=False)
    short = Policy(SCHEDULE, Holds(first_seconds=0.1, longest_seconds=0.1, strikes=4))
    assert decide(NO_ANSWER, 0, short, 5, shortest) == Retry(0.1, costs_attempt=False)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (meant(Intent.STORES, Trouble.LIMITED, retry_after=30.0), Pause(30, 30, is_limit=True)),
        (meant(Intent.STORES, Trouble.LIMITED, retry_after=3600.0), Pause(3600, 3600, is_limit=True)),
        (meant(Intent.STORES, Trouble.LIMITED), Pause(7, 900, is_limit=True)),
        (meant(Intent.STORES, Trouble.CREDENTIALS), Pause(7, 900)),
        (meant(Intent.STORES, Trouble.SYSTEM), Pause(7, 900)),
        (meant(Intent.STORES, Trouble.UNAVAILABLE), Pause(7, 900, strikes=4)),
        (meant(Intent.STORES, Trouble.UNAVAILABLE, retry_after=30.0), Pause(30, 900, strikes=4)),
        (meant(Intent.STORES, Trouble.UNREADABLE), Pause(7, 900, strikes=4)),
        (meant(Intent.STORES, Trouble.SILENT), Pause(7, 900, strikes=4)),
        (meant(Intent.STORES), Pause(7, 900, strikes=4)),
        (IPaaSUnreachable(), Pause(7, 900, strikes=4)),
        (IPaaSCredentialsRefused(trouble=Trouble.CREDENTIALS), Pause(7, 900)),
        (meant(Intent.CUSTOMERS, retry_after=30.0), None),
        (meant(Intent.NOT_YET), None),
        (meant(Intent.OURS), None),
        (EmailMissing(), None),
        (InternalError("KeyError in f:1"), None),
    ],
)
def test_trouble_of_the_whole_store_holds_it(error: SyncError, expected: Pause | None) -> None:
    """Too many calls for `Retry-After`, credentials at once, the rest after some jobs met it; never a job's own."""
    decision = decide(error, 0, POLICY)
    assert decision == expected if expected else not isinstance(decision, Pause)
