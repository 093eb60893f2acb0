"""Times as people and programs read them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from worker.presentation.times import as_iso, clock, local, zone

if TYPE_CHECKING:
    from collections.abc import Iterator

WINTER = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def test_a_time_says_its_zone() -> None:
    """Or its table does."""
    assert local(WINTER) == "2026-11-27 09:30:00 CET"
    assert clock(SUMMER) == "2026-07-01 10:30:00"
    assert (local(None), clock(None)) == ("", "")


def test_the_zone_of_a_table_is_that_of_its_times() -> None:
    """Both, in the order in which they show, if it holds times of winter and of summer."""
    assert zone([WINTER, None, WINTER]) == "CET"
    assert zone([WINTER, SUMMER]) == "CET/CEST"
    assert zone([None]) in {"CET", "CEST"}


def test_a_program_reads_utc() -> None:
    """Whatever zone the time is in."""
    assert as_iso(WINTER.astimezone(timezone(timedelta(hours=5, minutes=45)))) == "2026-11-27T08:30:00+00:00"
    assert as_iso(None) is None
