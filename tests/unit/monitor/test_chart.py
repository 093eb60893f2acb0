"""The time that Activity's chart covers: what was chosen, by the slots in which ended jobs are counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.ledger.memory.event import EventFilter
from worker.monitor.events import CHART_BARS, Span

NOW = datetime(2026, 11, 27, 10, 34, 56, tzinfo=UTC)
EARLIER = NOW - timedelta(days=2)


def at(moment: datetime, time: str) -> datetime:
    """A time of that day."""
    return datetime.fromisoformat(f"{moment:%Y-%m-%d}T{time}Z")


@pytest.mark.parametrize(
    ("since", "until", "covers", "slots"),
    [
        (None, None, (at(NOW - timedelta(days=1), "10:30:00"), NOW), 145),
        (at(NOW, "10:31:00"), None, (at(NOW, "10:30:00"), NOW), 1),
        (at(NOW, "10:29:59"), None, (at(NOW, "10:20:00"), NOW), 2),
        (at(EARLIER, "09:00:00"), at(EARLIER, "09:05:00"), (at(EARLIER, "09:00:00"), at(EARLIER, "09:10:00")), 1),
        (at(EARLIER, "09:00:00"), at(EARLIER, "09:10:00"), (at(EARLIER, "09:00:00"), at(EARLIER, "09:20:00")), 2),
        (None, at(EARLIER, "09:05:00"), (at(EARLIER - timedelta(days=1), "09:00:00"), at(EARLIER, "09:10:00")), 145),
        (NOW - timedelta(days=200), None, (at(NOW - timedelta(days=60), "10:30:00"), NOW), 60 * 144 + 1),
        (NOW, NOW + timedelta(days=9), (at(NOW, "10:30:00"), NOW), 1),
    ],
    ids=["day", "minutes", "two slots", "short", "at a bound", "before", "longest", "into the future"],
)
def test_chart_covers_the_chosen_time_and_no_more_than_its_slots(
    since: datetime | None, until: datetime | None, covers: tuple[datetime, datetime], slots: int
) -> None:
    """However short it is; its bars are few enough to be told apart."""
    span = Span.of(EventFilter(since=since, until=until), NOW)
    assert span
    assert ((span.since, span.until), span.slots) == (covers, slots)
    assert -(-slots // span.per_bar) <= CHART_BARS


def test_time_that_has_not_begun_has_no_chart() -> None:
    """There is nothing to count."""
    assert Span.of(EventFilter(since=NOW + timedelta(seconds=1)), NOW) is None
