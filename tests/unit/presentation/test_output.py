"""An output that is no terminal: whole lines, tables in columns, nothing that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.presentation.output import PROSE, Output
from worker.presentation.screen import Screen
from worker.presentation.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

Printed = pytest.CaptureFixture[str]
ROWS = [["Zoë", "1,234", "short"], ["山田", "7", "word " * 20], ["", "", ""]]


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the tester's own variables say."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def drawn(output: Output, columns: Sequence[str], rows: list[list[str]], printed: Printed, prose: str = "") -> str:
    """A table as an output prints it."""
    output.table(columns, rows, ["number"], prose)
    return printed.readouterr().out


def test_columns_are_as_wide_as_they_must_be(capsys: Printed) -> None:
    """Numbers are aligned to the right, wide characters count twice, and no line ends in blanks."""
    lines = drawn(Output(to_stderr=False), ["name", "number", "text"], [*ROWS[:1], ["山田さん", "7", ""]], capsys)
    assert lines == "name      number  text\nZoë        1,234  short\n山田さん       7\n"


@pytest.mark.parametrize("prose", ["", "text"])
def test_table_is_the_same_with_and_without_rich(prose: str, capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file, so that nobody sees which of the two wrote it."""
    monkeypatch.setenv("NO_COLOR", "1")
    columns = ["name", "number", "text"]
    plain = drawn(Output(to_stderr=False), columns, ROWS, capsys, prose)
    assert plain == drawn(Terminal(to_stderr=False), columns, ROWS, capsys, prose)
    assert max(map(len, plain.splitlines())) < 20 + (PROSE if prose else 100)


def test_nothing_moves_in_a_pipe(capsys: Printed) -> None:
    """Neither a sign that something is done, nor a bar: not even on standard error."""
    screen = Screen()
    with screen.busy("Asking"), screen.progress("Requested", 2) as show:
        show(1)
    screen.note("a note")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "a note\n")


def test_closed_output_takes_everything(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    """A process may be started without one."""
    monkeypatch.setattr("sys.stdout", None)
    Screen().line("✓ ended")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "text", "is_terminal"),
    [
        ("FORCE_COLOR", "1", True),
        ("FORCE_COLOR", "", False),
        ("TTY_COMPATIBLE", "1", True),
        ("TTY_COMPATIBLE", "0", False),
    ],
)
def test_pipe_whose_reader_wants_colours_is_a_terminal(
    name: str, text: str, is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """As rich has it, by these variables."""
    monkeypatch.setenv(name, text)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    Screen().heading("Jobs")
    assert capsys.readouterr().out == ("\x1b[1mJobs\x1b[0m\n" if is_terminal else "Jobs\n")
