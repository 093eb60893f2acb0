"""What follows a failed attempt: pure functions of the error and of the attempts before it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.errors import CREDENTIAL_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.errors import SyncError

SHORT_REST_SECONDS = 60.0
"""Rests up to this long show in Flower as Celery retries; longer ones rest in the ledger."""
FIRST_CAP_SECONDS = 4.0
TOO_MANY = 429
LEAST_REST_SECONDS = 0.5
"""Full jitter can come to nothing at all; a retry waits at least so long."""


@dataclass(frozen=True)
class Schedule:
    """How often a job is tried again: first in seconds, then on iPaaS.com's own schedule (contract: 20, 60, 120, C)."""

    fast: int = 4
    slow_minutes: tuple[int, ...] = (20, 60, 120)


@dataclass(frozen=True)
class Holds:
    """How a store is held: the first hold's length, which doubles, the longest, and when an outage is seen as one."""

    first_seconds: float = 5
    longest_seconds: float = 600
    strikes: int = 3
    spares: int = 20


@dataclass(frozen=True)
class Rest:
    """Try the job again after so many seconds, at the cost of an attempt."""

    seconds: float


@dataclass(frozen=True)
class Pause:
    """Hold the job's whole store: each hold that follows another is twice as long, up to the longest."""

    seconds: float
    longest_seconds: float
    strikes: int = 1
    """Jobs that must meet such an error, since the API last answered well, before the store is held."""
    spares: int = 0
    """How often one job is spared an attempt by it; 0 for ever."""
    begins: int = 3
    """How often one job may begin a hold: beyond that the error is more likely its own."""


def rest(
    error: SyncError,
    attempt: int,
    schedule: Schedule = Schedule(),
    draw: Callable[[float, float], float] = random.uniform,
) -> Rest | None:
    """When a job is tried again after `attempt` attempts failed before this one; None gives up.

    An API's own `Retry-After` is never undercut.
    """
    if not error.is_transient or attempt >= schedule.fast + len(schedule.slow_minutes):
        return None
    if attempt < schedule.fast:
        cap = min(SHORT_REST_SECONDS, FIRST_CAP_SECONDS * 2**attempt)
        seconds = draw(LEAST_REST_SECONDS, cap)
    else:
        seconds = schedule.slow_minutes[attempt - schedule.fast] * 60.0
    return Rest(max(seconds, error.retry_after or 0.0))


def pause(error: SyncError, holds: Holds = Holds()) -> Pause | None:
    """Whether an error is the whole store's, and how the store is held for it; None where it is the job's own.

    Too many calls: for `Retry-After`. Refused credentials: until a job gets through. No answer or 5xx: when several
    jobs met it since the API last answered well.
    """
    status, asked = error.failure.http_status, error.retry_after or 0
    first, longest = max(holds.first_seconds, asked), max(holds.longest_seconds, asked)
    if status == TOO_MANY and asked:
        return Pause(asked, asked)
    if status == TOO_MANY or status in CREDENTIAL_STATUSES:
        return Pause(first, longest)
    if error.is_transient:
        return Pause(first, longest, holds.strikes, holds.spares)
    return None
