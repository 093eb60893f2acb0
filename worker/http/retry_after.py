"""How long an API asks to wait: its `Retry-After`, believed only as far as it is plausible."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LEAST_SECONDS: Final = 1.0
"""A shorter wait is none: whoever asks for it would be called dozens of times a second."""
LONGEST_SECONDS: Final = 60 * 60.0
"""A longer wait is a mistake, or no promise: after it one job tries, and is told again."""
FIRST_EPOCH: Final = 1e9
"""A number from here on is no wait of thirty years but a time, in seconds since 1970."""
FIRST_EPOCH_MS: Final = 1e12
"""And from here on, in milliseconds."""


def seconds_asked(value: str, date: str, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` header: a number, an HTTP date, or a time since 1970; None if it says nothing.

    A time is counted from the answer's own `Date`, so that the clock of this machine does not matter.
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
