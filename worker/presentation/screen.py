"""What a person sees: results on standard output, everything else on standard error."""

from __future__ import annotations

import codecs
import json
from contextlib import contextmanager, nullcontext
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.text import Text

from worker.presentation.signs import Signs
from worker.presentation.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from worker.jobs.catalogue import Entry, Failure

Item = TypeVar("Item")

WIDEST = 88
"""Longer lines of prose are hard to read."""
PROSE = 60
"""The width of prose in a table."""
MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("—", "yellow")}
UNBOUNDED = 10_000
"""Only on a terminal are lines broken: whoever searches a log finds each line whole."""


class Screen:
    """Both outputs. Colours and progress show only on a terminal; control characters in data never reach it."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._out = _console(to_stderr=False)
        self._err = _console(to_stderr=True)
        # JSON lines that arrive on the same terminal would tear a progress bar apart.
        self._shows_progress = self._err.is_terminal and not (as_json and self._out.is_terminal)

    # Results --------------------------------------------------------------------------------------------------------

    def line(self, text: str = "", style: str | None = None) -> None:
        """One line of the result."""
        self._out.print(shown(self._out, text), style=style)

    def heading(self, text: str) -> None:
        """The heading of a part of the result."""
        self.line(text, "bold")

    def section(self, text: str) -> None:
        """The heading of a further part of the result, with an empty line before it."""
        self.line()
        self.heading(text)

    def apart(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each but the first after an empty line of the result."""
        for number, item in enumerate(items):
            if number:
                self.line()
            yield item

    def mark(self, text: str, *, is_good: bool | None) -> None:
        """One line of the result, with ✓ or ✗ before it, or with a dash if neither fits."""
        sign, style = MARKS[is_good]
        self.line(f"{sign} {text}", style)

    def caution(self, text: str) -> None:
        """One line of the result, with ! before it: it works for now."""
        self.line(f"! {text}", "yellow")

    def facts(self, facts: dict[str, str], indent: int = 2) -> None:
        """Names and values, one pair a line; pairs without a value are left out."""
        held = {name: shown(self._out, value) for name, value in facts.items() if value}
        width = max(map(len, held), default=0) + 2
        for name, value in held.items():
            self._out.print(filled(self._out, f"{name:<{width}}{value}", indent, indent + width))

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = (), prose: str = ""
    ) -> None:
        """A table; the columns that `numbers` names are aligned to the right, that of `prose` is broken into lines."""
        from rich.table import Table  # noqa: PLC0415 - most commands show none

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            width = PROSE if column == prose else None
            table.add_column(column, justify="right" if column in numbers else "left", overflow="fold", max_width=width)
        for row in rows:
            table.add_row(*(shown(self._out, cell) for cell in row))
        for drawn in self._out.render_lines(table, pad=False):
            line = Text.assemble(*((each.text, each.style or "") for each in drawn))
            line.rstrip()
            self._out.print(line)

    def json(self, value: object) -> None:
        """One line of JSON, sent on at once."""
        click.echo(json.dumps(value, separators=(",", ":")))

    def file(self, text: str) -> None:
        """The text of a file to keep, which is read as UTF-8 later: in any other encoding it is written as ASCII."""
        is_utf8 = codecs.lookup(Signs.of(self._out.file).encoding).name == "utf-8"
        click.echo(text if is_utf8 else Signs("ascii").readable(text), nl=False)

    # The same for both outputs --------------------------------------------------------------------------------------

    def entry(self, entry: Entry, *, indent: int = 2, to_stderr: bool = False) -> None:
        """What the catalogue says about an error: its cause, and what to do."""
        self.prose(f"Cause: {entry.cause}", indent=indent, to_stderr=to_stderr)
        self.prose(f"Resolution: {entry.resolution}", indent=indent, to_stderr=to_stderr)

    def failure(self, failure: Failure, *, indent: int = 2, to_stderr: bool = False) -> None:
        """What happened, with its cause and what to do."""
        self.prose(failure.whole_message, indent=indent, to_stderr=to_stderr)
        self.entry(failure.entry, indent=indent, to_stderr=to_stderr)

    def prose(self, text: str, *, indent: int = 2, to_stderr: bool = False) -> None:
        """A paragraph."""
        console = self._err if to_stderr else self._out
        console.print(filled(console, shown(console, text), indent, indent))

    # What is not the result -----------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """A note beside the result, on standard error."""
        self._err.print(shown(self._err, text))

    def error(self, text: str) -> None:
        """What went wrong, on standard error."""
        self._err.print(shown(self._err, f"✗ {text}"), style="red")

    def busy(self, text: str) -> AbstractContextManager[Any]:
        """Show on a terminal that something is being done."""
        # As a string it would be read as rich's markup: a connection may be called [EU].
        return self._err.status(Text(shown(self._err, text))) if self._shows_progress else nullcontext()

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show on a terminal how many of `total` are done, as often as the caller gives the number."""
        if not self._shows_progress:
            yield lambda _: None
            return
        # Only a terminal shows it.
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(
            *columns, console=self._err, transient=True, redirect_stdout=False, redirect_stderr=False
        ) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done: progress.update(task, completed=done)


def _console(*, to_stderr: bool) -> Console:
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=to_stderr)
    if not console.file.isatty():  # FORCE_COLOR makes `is_terminal` say yes to a file too
        console.width = UNBOUNDED
    return console


def filled(console: Console, text: str, first_indent: int, other_indent: int) -> str:
    """A paragraph that fits the console; all lines but the first have `other_indent`."""
    return fill(
        text,
        min(console.width, WIDEST) if console.is_terminal else console.width,
        initial_indent=" " * first_indent,
        subsequent_indent=" " * other_indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def shown(console: Console, text: str) -> str:
    """The text as the console can show it, so that the layout counts the characters that will be printed."""
    return Signs.of(console.file).readable(printable(text))
