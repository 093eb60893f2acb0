"""Standard output or standard error if it is no terminal: plain text, each line whole.

That of a terminal is `worker.presentation.terminal`. It stands apart because rich takes long to import.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from itertools import zip_longest
from textwrap import wrap
from typing import IO, TYPE_CHECKING, Any, Final

from rich.cells import cell_len

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

PROSE: Final = 60
"""The width of prose in a table."""
GAP: Final = 2
"""Blanks between two columns of a table."""
UNBOUNDED: Final = 10_000
"""Only on a terminal are lines broken: whoever searches a log finds each line whole."""
TERMINAL_VARIABLES: Final = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""With one of these, whoever reads a pipe wants what a terminal would show."""


class Output:
    """One of the two outputs. Colours and progress show only on a terminal."""

    is_terminal = False

    def __init__(self, *, to_stderr: bool) -> None:
        self._to_stderr = to_stderr

    @property
    def file(self) -> IO[str] | None:
        """The stream; None if it is closed."""
        stream: IO[str] | None = sys.stderr if self._to_stderr else sys.stdout
        return stream

    @property
    def width(self) -> int:
        """How many characters a line may have."""
        return UNBOUNDED

    @property
    def may_be_terminal(self) -> bool:
        """Whether it is a terminal, or is to be treated as one."""
        return bool(self.file and (self.file.isatty() or any(map(os.environ.get, TERMINAL_VARIABLES))))

    def print(self, text: str, style: str | None = None) -> None:
        """One line, sent on at once. A style shows only on a terminal."""
        del style
        if self.file:
            self.file.write(f"{text}\n")
            self.file.flush()

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = (), prose: str = ""
    ) -> None:
        """A table; the columns that `numbers` names are aligned to the right, that of `prose` is broken into lines."""
        cells = [_in_lines(row, columns, prose) for row in (columns, *rows)]
        widths = [max(cell_len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
        are_numbers = [column in numbers for column in columns]
        heading, *lines = (line for row in cells for line in zip_longest(*row, fillvalue=""))
        self.print(_joined(heading, widths, are_numbers), "bold")
        if lines:
            self.print("\n".join(_joined(line, widths, are_numbers) for line in lines))

    def busy(self, text: str) -> AbstractContextManager[Any]:
        """Only a terminal shows that something is being done."""
        del text
        return nullcontext()

    def progress(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Take how many of `total` are done; only a terminal shows it."""
        del title, total
        return nullcontext(lambda _: None)


def _in_lines(row: Sequence[str], columns: Sequence[str], prose: str) -> list[list[str]]:
    """The lines of each cell of a row: only prose has several."""
    return [
        (wrap(cell, PROSE, break_on_hyphens=False) or [""]) if column == prose else [cell]
        for column, cell in zip(columns, row, strict=True)
    ]


def _joined(line: Sequence[str], widths: Sequence[int], are_numbers: Sequence[bool]) -> str:
    return (" " * GAP).join(map(_aligned, line, widths, are_numbers)).rstrip()


def _aligned(text: str, width: int, is_number: bool) -> str:  # noqa: FBT001 - given by position, as `map` does
    blanks = " " * (width - cell_len(text))
    return blanks + text if is_number else text + blanks
