"""How long an API asks to wait: its `Retry-After`, within plausible bounds."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LEAST_SECONDS: Final = 1.0
"""The shortest wait: with a shorter one, the API would be called dozens of times a second."""
LONGEST_SECONDS: Final = 60 * 60.0
"""The longest wait. If the API meant a longer one, one job tries after this, and the API answers 429 again."""
FIRST_EPOCH: Final = 1e9
"""A number from here on is not a wait of thirty years but a time, in seconds since 1970."""
FIRST_EPOCH_MS: Final = 1e12
"""A number from here on is a time in milliseconds since 1970."""


def seconds_asked(value: str, date: str, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` header: a number, an HTTP date, or a time since 1970. None if it is neither.

    A time is compared with the answer's own `Date`, so that this machine's clock does not matter.
    """
    seconds = _number(value)
    if seconds is None or seconds >= FIRST_EPOCH:
        since = _moment(date) or now
        at = _moment(value) if seconds is None else _epoch(seconds)
        seconds = None if at is None else (at - since).total_seconds()
    return None if seconds is None else min(max(seconds, LEAST_SECONDS), LONGEST_SECONDS)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _epoch(number: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(number / 1000 if number >= FIRST_EPOCH_MS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _moment(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
