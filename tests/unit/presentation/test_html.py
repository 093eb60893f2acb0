"""What the pages' templates show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.presentation.html import NO_BREAK, ago, unbroken


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tried again in 59 min", "tried again in 59~min"),
        ("3 finished, 12 failures", "3~finished, 12~failures"),
        ("oldest 44 s", "oldest 44~s"),
        ("500 in 60 s of 2 stores", "500 in 60~s of 2 stores"),
    ],
)
def test_no_line_ends_between_a_number_and_its_unit(text: str, shown: str) -> None:
    """Elsewhere it may."""
    assert unbroken(text) == shown.replace("~", NO_BREAK)


def test_ago_is_unbroken() -> None:
    """Ahead, too."""
    now = datetime.now(UTC)
    assert ago(now - timedelta(minutes=5)) == f"5{NO_BREAK}min ago"
    assert ago(now + timedelta(days=3, minutes=1)) == f"in 3{NO_BREAK}days"
    assert ago(None) == ""
