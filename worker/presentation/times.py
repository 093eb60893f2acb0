"""Times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

MINUTE, HOUR, DAY = 60, 60 * 60, 24 * 60 * 60
"""In seconds."""


def local(moment: datetime | None) -> str:
    """A time by this machine's clock, with its zone; empty if there is none."""
    return f"{clock(moment)} {zone([moment])}" if moment else ""


def clock(moment: datetime | None) -> str:
    """The same where `zone` stands elsewhere, such as in a table's heading."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def zone(moments: Iterable[datetime | None]) -> str:
    """The zone of times that are shown by this machine's clock: `CET`, and `CET/CEST` if some are of summer."""
    names = dict.fromkeys(f"{each.astimezone():%Z}" for each in moments if each)
    return "/".join(names) or f"{datetime.now().astimezone():%Z}"


def as_iso(moment: datetime | None) -> str | None:
    """A time as JSON has it: ISO 8601, in UTC."""
    return moment.astimezone(UTC).isoformat() if moment else None


def lasting(span: timedelta) -> str:
    """How long something lasts, in its greatest unit."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, name in ((DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= 2 * unit or (seconds >= unit and name != "days"):
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
