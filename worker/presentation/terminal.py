"""Standard output or standard error if it is a terminal: colours, tables that fit it, and progress."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from worker.presentation.output import GAP, PROSE, UNBOUNDED, Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager


class Terminal(Output):
    """One of the two outputs, on a terminal."""

    def __init__(self, *, to_stderr: bool) -> None:
        super().__init__(to_stderr=to_stderr)
        self.console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=to_stderr)
        if not self.console.file.isatty():  # FORCE_COLOR makes `is_terminal` say yes to a file too
            self.console.width = UNBOUNDED
        self.is_terminal = self.console.is_terminal

    @property
    def width(self) -> int:
        """How many characters a line may have; the terminal's user may change it."""
        return self.console.width

    def print(self, text: str, style: str | None = None) -> None:
        """One line, in a style."""
        self.console.print(text, style=style)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = (), prose: str = ""
    ) -> None:
        """A table that is no wider than the terminal."""
        rows = list(rows)
        widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
        if not prose and sum(widths) + GAP * (len(widths) - 1) <= self.width:
            super().table(columns, rows, numbers)
        else:
            self._folded(columns, rows, numbers, prose)

    def _folded(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str], prose: str
    ) -> None:
        """A table whose cells are broken into lines, for which rich takes a millisecond a row."""
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for column in columns:
            width = PROSE if column == prose else None
            is_number = column in numbers
            table.add_column(
                column, justify="right" if is_number else "left", overflow="fold", max_width=width, no_wrap=is_number
            )
        for row in rows:
            table.add_row(*row)
        for drawn in self.console.render_lines(table, pad=False):
            line = Text.assemble(*((each.text, each.style or "") for each in drawn))
            line.rstrip()
            self.console.print(line)

    def busy(self, text: str) -> AbstractContextManager[Any]:
        """Show that something is being done."""
        # As a string it would be read as rich's markup: a connection may be called [EU].
        return self.console.status(Text(text))

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show how many of `total` are done, as often as the caller gives the number."""
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(
            *columns, console=self.console, transient=True, redirect_stdout=False, redirect_stderr=False
        ) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done: progress.update(task, completed=done)
