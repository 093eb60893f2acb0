"""Tables on the screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from worker.presentation import terminal
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
COLUMNS = ["Connection", "queued", "Name", "Note"]
ROWS = [["4021", "1,234", "Zoe", ""], ["999999", "9", "b\x1b[2J", "last"], ["", "", "", ""]]
DRAWN = """\
Connection  queued  Name   Note
4021         1,234  Zoe
999999           9  b [2J  last

"""


def drawn(capsys: pytest.CaptureFixture[str], columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """What a table looks like whose queued jobs are numbers."""
    Screen().table(columns, rows, numbers=["queued"])
    return capsys.readouterr().out


def test_columns_are_as_wide_as_their_cells(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers end, and everything else begins, at the same place; control characters do not reach the terminal."""
    assert drawn(capsys, COLUMNS, ROWS) == DRAWN


def test_table_without_rows_is_its_heading(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else is printed."""
    assert drawn(capsys, COLUMNS, []) == "Connection  queued  Name  Note\n"


def test_table_that_is_too_wide_for_a_terminal_is_folded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No cell loses anything."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(terminal, "UNBOUNDED", 20)
    lines = [ESCAPES.sub("", line) for line in drawn(capsys, ["A", "B"], [["x" * 15, "y" * 15]]).splitlines()]
    assert max(map(len, lines)) <= 20
    assert "".join(lines).count("x") == "".join(lines).count("y") == 15


def test_table_that_fits_a_terminal_is_the_same_with_a_bold_heading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Column by column."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    printed = drawn(capsys, COLUMNS, ROWS)
    assert ESCAPES.sub("", printed) == DRAWN
    assert printed.startswith("\x1b[1mConnection")
