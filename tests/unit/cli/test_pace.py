"""The rate of something long, and the time that remains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.cli.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Sequence


def shown(*counts: tuple[float, int], ahead: int = 600) -> str:
    """What is shown after counts at some times, in seconds."""
    now = 0.0
    measured = Pace(lambda: now)
    for at, done in counts:
        now = at
        measured.note(done)
    return measured.in_words(ahead)


def test_rate_and_remaining_time() -> None:
    """Of what was done so far."""
    assert shown((0, 100), (10, 150), (20, 200)) == "5.0 a second, about 2 min left"


def test_rate_is_that_of_the_last_minute() -> None:
    """What came before no longer counts."""
    assert shown((0, 0), (1, 2000), (90, 2100), (120, 2130)) == "1.0 a second, about 10 min left"


@pytest.mark.parametrize("counts", [[], [(0, 5)], [(0, 5), (10, 5)], [(5, 5), (5, 6)]])
def test_nothing_is_shown_before_there_is_a_rate(counts: Sequence[tuple[float, int]]) -> None:
    """Neither at the first count, nor while nothing moves."""
    assert shown(*counts) == ""
