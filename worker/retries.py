"""When a failed attempt is tried again: one pure function."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.errors import SyncError

SHORT_REST_SECONDS = 60.0
"""Rests up to this long show in Flower as Celery retries; longer ones rest in the ledger."""
FIRST_CAP_SECONDS = 4.0
LEAST_REST_SECONDS = 0.5
"""Full jitter can come to nothing at all; a retry waits at least so long."""


@dataclass(frozen=True)
class Schedule:
    """How often a job is tried again: first in seconds, then on iPaaS.com's own schedule (contract: 20, 60, 120, C)."""

    fast: int = 4
    slow_minutes: tuple[int, ...] = (20, 60, 120)


def rest_seconds(
    error: SyncError,
    attempt: int,
    schedule: Schedule = Schedule(),
    draw: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """How long to rest before the next try after `attempt` attempts failed before this one; None gives up.

    An API's own `Retry-After` is never undercut.
    """
    if not error.is_transient or attempt >= schedule.fast + len(schedule.slow_minutes):
        return None
    if attempt < schedule.fast:
        cap = min(SHORT_REST_SECONDS, FIRST_CAP_SECONDS * 2**attempt)
        rest = draw(LEAST_REST_SECONDS, cap)
    else:
        rest = schedule.slow_minutes[attempt - schedule.fast] * 60.0
    return max(rest, error.retry_after or 0.0)
