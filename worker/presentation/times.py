"""Times as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60
"""In seconds."""


def local(moment: datetime | None) -> str:
    """A time by this machine's clock and zone; empty if there is none."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def as_iso(moment: datetime | None) -> str | None:
    """A time as JSON has it."""
    return moment.isoformat() if moment else None


def lasting(span: timedelta) -> str:
    """How long something lasts, in its greatest unit."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, name in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit or (seconds >= unit and name != "days"):
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
