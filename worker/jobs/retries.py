"""What follows an error: a pure function of the error's intent and of how many attempts failed before."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.jobs.intents import NEEDS_A_PERSON, Intent, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.errors import SyncError

    Draw = Callable[[float, float], float]

SHORT_REST_SECONDS: Final = 60.0
"""A job that rests up to this long shows in Flower as a Celery retry; one that rests longer waits in the ledger."""
FIRST_CAP_SECONDS: Final = 4.0
LEAST_REST_SECONDS: Final = 0.5
"""A retry waits at least this long: full jitter alone could mean no wait at all."""
NOT_YET_SECONDS: Final = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0)
"""The longest rest before each retry of a *not yet*; the shortest is half of it. Together they take some minutes."""


@dataclass(frozen=True)
class Schedule:
    """How often a job is tried again: first in seconds, then on iPaaS.com's own schedule (contract: 20, 60, 120, C)."""

    fast: int
    slow_minutes: tuple[int, ...]


@dataclass(frozen=True)
class Holds:
    """How long a store is held (each hold lasts twice as long as the one before), and how many errors begin a hold."""

    first_seconds: float
    longest_seconds: float
    strikes: int


@dataclass(frozen=True)
class Policy:
    """What the settings say about retries and holds."""

    schedule: Schedule
    holds: Holds


@dataclass(frozen=True)
class Retry:
    """Try the job again after this many seconds."""

    seconds: float
    costs_attempt: bool = True

    @property
    def is_short(self) -> bool:
        """Whether a Celery retry brings the job back; if it rests longer, the sweep does."""
        return self.seconds <= SHORT_REST_SECONDS


@dataclass(frozen=True)
class Pause:
    """Hold the job's whole store: each hold that follows another is twice as long, up to the longest.

    The ledger decides whether it is held, because it knows what other jobs met.
    """

    seconds: float
    longest_seconds: float
    strikes: int = 1
    """How many jobs must meet such an error, since the API last answered well, before the store is held."""
    is_limit: bool = False
    """Whether the API asked for it: no new key ends it. Any other trouble is the job's own if the same call has worked
    for other jobs since this job last met it; this never is."""


@dataclass(frozen=True)
class Fail:
    """The job has failed; it runs again only if somebody asks for it."""


Decision = Retry | Pause | Fail


def decide(
    error: SyncError, attempt: int, policy: Policy, met: int | None = None, draw: Draw = random.uniform
) -> Decision:
    """What follows an error if `attempt` attempts failed before this one. Only the error's intent matters.

    For trouble of the whole store, the first call returns a pause. If the ledger then does not hold the store, a second
    call decides by what the ledger found: `met` is how often in a row this job has met the trouble, or 0 if the trouble
    is the job's own. A retry never comes sooner than the API's `Retry-After`.
    """
    # The pause comes before any retry: only the ledger knows what other jobs met. A retry decided without it would use
    # up the attempts of all the store's jobs in one outage, and they would fail.
    if error.intent is Intent.STORES and met is None:
        return _pause(error, policy.holds)
    if met:
        return _weathered(error, met, policy.holds, draw)
    return retry(error, attempt, policy.schedule, draw) or Fail()


def retry(error: SyncError, attempt: int, schedule: Schedule, draw: Draw = random.uniform) -> Retry | None:
    """When to try again, if each try costs an attempt; None if it is not tried again."""
    seconds = _rest_seconds(error.intent, attempt, schedule, draw)
    return None if seconds is None else Retry(max(seconds, error.retry_after or 0.0))


def outlasted(error: SyncError, attempt: int) -> bool:
    """Whether a *not yet* has lasted longer than a short delay explains: the API accepts calls and does not do them.

    If the error says that a record does not exist, it is believed by then, and this is False.
    """
    is_over = error.intent is Intent.NOT_YET and attempt >= len(NOT_YET_SECONDS)
    return is_over and not error.is_of_absence


def _weathered(error: SyncError, met: int, holds: Holds, draw: Draw = random.uniform) -> Retry:
    """How long a job rests that has met trouble of the whole store `met` times in a row. It costs no attempt."""
    longest = min(holds.longest_seconds, FIRST_CAP_SECONDS * 2 ** min(met - 1, 30))
    seconds = max(draw(min(LEAST_REST_SECONDS, longest), longest), error.retry_after or 0.0)
    return Retry(seconds, costs_attempt=False)


def _rest_seconds(intent: Intent, attempt: int, schedule: Schedule, draw: Draw) -> float | None:
    if intent is Intent.NOT_YET:
        longest = dict(enumerate(NOT_YET_SECONDS)).get(attempt)
        return None if longest is None else draw(longest / 2, longest)
    if intent is not Intent.STORES:
        return None
    if attempt < schedule.fast:
        return draw(LEAST_REST_SECONDS, min(SHORT_REST_SECONDS, FIRST_CAP_SECONDS * 2**attempt))
    # No jitter: this is iPaaS.com's own schedule, and the throttle spreads the jobs that are due at the same time.
    slow = dict(enumerate(schedule.slow_minutes, start=schedule.fast)).get(attempt)
    return None if slow is None else slow * 60.0


def _pause(error: SyncError, holds: Holds) -> Pause:
    """How a store is held for an error that would meet any customer.

    Too many calls: for as long as `Retry-After` says. Refused credentials: until a job gets through. Everything else:
    only after several jobs have met it since the API last answered well.
    """
    asked = error.retry_after or 0
    first, longest = max(holds.first_seconds, asked), max(holds.longest_seconds, asked)
    if error.trouble is Trouble.LIMITED:
        return Pause(asked or first, asked or longest, is_limit=True)
    if error.trouble in NEEDS_A_PERSON:
        return Pause(first, longest)
    return Pause(first, longest, holds.strikes)
