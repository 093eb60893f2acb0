"""How long a test waits for real processes: as long as something gets on."""

from __future__ import annotations

from itertools import count

import pytest

from tests import parts


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The clock of `tests.parts`."""
    time = Time()
    monkeypatch.setattr(parts, "time", time)
    return time


def test_wait_lasts_as_long_as_there_is_progress(time: Time) -> None:
    """However long that is."""
    end = 10 * parts.PATIENCE_SECONDS
    assert parts.eventually(lambda: time.now > end and "there", progress=lambda: int(time.now)) == "there"


def test_wait_without_progress_is_given_up(time: Time) -> None:
    """From the last progress on."""
    with pytest.raises(AssertionError, match="progress, if that was asked for: 100"):
        parts.eventually(lambda: False, progress=lambda: min(100, int(time.now)))
    assert 100 + parts.PATIENCE_SECONDS <= time.now < 101 + parts.PATIENCE_SECONDS


def test_wait_that_knows_no_progress_is_given_up(time: Time) -> None:
    """In its time."""
    tries = count()
    with pytest.raises(AssertionError, match="never happened"):
        parts.eventually(lambda: next(tries) < 0)
    assert next(tries) > 1
    assert time.now >= parts.PATIENCE_SECONDS
