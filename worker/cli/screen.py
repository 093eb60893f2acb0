"""What a command says: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager, nullcontext
from textwrap import fill
from typing import TYPE_CHECKING, Any, TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from worker.errors import Entry, Failure

WIDEST = 88
"""Longer lines of prose are hard to read."""
PATIENCE_SECONDS = 1
"""What takes no longer needs no progress bar."""


class Screen:
    """Both outputs. Colours and progress show on a terminal alone; what could steer a terminal never gets there."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._err = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=True)
        # JSON lines that arrive on the same terminal would tear a progress bar apart.
        self._shows_progress = self._err.is_terminal and not (as_json and self._out.is_terminal)

    # Results --------------------------------------------------------------------------------------------------------

    def line(self, text: str = "", style: str | None = None) -> None:
        """One line of the result."""
        self._out.print(printable(text), style=style)

    def heading(self, text: str) -> None:
        """The line above a part of the result."""
        self.line(text, "bold")

    def mark(self, text: str, *, is_good: bool) -> None:
        """One line of the result, with ✓ or ✗ before it."""
        self.line(f"✓ {text}" if is_good else f"✗ {text}", "green" if is_good else "red")

    def facts(self, facts: dict[str, str], indent: int = 2) -> None:
        """Names and values, one pair a line; a value that is empty is left out."""
        shown = {name: printable(value) for name, value in facts.items() if value}
        width = max(map(len, shown), default=0) + 2
        for name, value in shown.items():
            self._out.print(self._filled(f"{name:<{width}}{value}", indent, indent + width))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> None:
        """A table; the columns that `numbers` names are set to the right."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(printable, row))
        self._out.print(table, soft_wrap=False)

    def json(self, value: object) -> None:
        """One line of JSON, sent on at once."""
        click.echo(json.dumps(value, separators=(",", ":")))

    # The same for both outputs --------------------------------------------------------------------------------------

    def entry(self, entry: Entry, *, indent: int = 2, to_stderr: bool = False) -> None:
        """What the catalogue knows of an error: its cause, and what to do."""
        self.prose(f"Cause: {entry.cause}", indent=indent, to_stderr=to_stderr)
        self.prose(f"Resolution: {entry.resolution}", indent=indent, to_stderr=to_stderr)

    def failure(self, failure: Failure, *, indent: int = 2, to_stderr: bool = False) -> None:
        """What happened, with its cause and what to do."""
        self.prose(failure.message, indent=indent, to_stderr=to_stderr)
        self.entry(failure.entry, indent=indent, to_stderr=to_stderr)

    def prose(self, text: str, *, indent: int = 2, to_stderr: bool = False) -> None:
        """A paragraph."""
        (self._err if to_stderr else self._out).print(self._filled(printable(text), indent, indent))

    def _filled(self, text: str, first: int, others: int) -> str:
        width = min(self._out.width, WIDEST)
        return fill(
            text,
            width,
            initial_indent=" " * first,
            subsequent_indent=" " * others,
            break_on_hyphens=False,
            break_long_words=False,
        )

    # What is not the result -----------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Something worth knowing, on standard error."""
        self._err.print(printable(text))

    def error(self, text: str) -> None:
        """What went wrong, on standard error."""
        self._err.print(f"✗ {printable(text)}", style="red")

    def busy(self, text: str) -> AbstractContextManager[Any]:
        """Show on a terminal that something is being done."""
        return self._err.status(text) if self._shows_progress else nullcontext()

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show on a terminal how many of `total` are done, whenever it is told and once it takes a while."""
        with ExitStack() as shown:
            bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                console=self._err,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            task = bar.add_task(title, total=total)
            show_at = time.monotonic() + PATIENCE_SECONDS

            def show(done: int) -> None:
                bar.update(task, completed=done)
                if self._shows_progress and not bar.live.is_started and time.monotonic() > show_at:
                    shown.enter_context(bar)

            yield show


def printable(text: str) -> str:
    """The text on one line, without control characters: data must not steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def shortened(text: str, longest: int) -> str:
    """The text, cut where it is longer."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def counted(count: int, singular: str, plural: str = "") -> str:
    """A number and its noun: `1 job`, `2,000 jobs`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def is_absent_or_terminal(stream: TextIO | None) -> bool:
    """Whether nobody has piped anything into standard input."""
    return stream is None or stream.isatty()
