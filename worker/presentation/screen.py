"""What a person sees: results on standard output, everything else on standard error."""

from __future__ import annotations

import codecs
import json
from textwrap import fill
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from worker.presentation.output import Output
from worker.presentation.signs import Signs
from worker.presentation.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from worker.jobs.catalogue import Entry, Failure

Item = TypeVar("Item")

WIDEST = 88
"""Longer lines of prose are hard to read."""
MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("—", "yellow")}


class Screen:
    """Both outputs. Colours and progress show only on a terminal; control characters in data never reach it."""

    def __init__(self, *, as_json: bool = False) -> None:
        self._out = _output(to_stderr=False)
        self._err = _output(to_stderr=True)
        # JSON lines that arrive on the same terminal would tear a progress bar apart.
        tears = as_json and self._out.is_terminal
        self._moving = Output(to_stderr=True) if tears else self._err

    # Results --------------------------------------------------------------------------------------------------------

    def line(self, text: str = "", style: str | None = None) -> None:
        """One line of the result."""
        self._out.print(shown(self._out.file, text), style=style)

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
        held = {name: shown(self._out.file, value) for name, value in facts.items() if value}
        width = max(map(len, held), default=0) + 2
        for name, value in held.items():
            self._out.print(filled(self._out, f"{name:<{width}}{value}", indent, indent + width))

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = (), prose: str = ""
    ) -> None:
        """A table; the columns that `numbers` names are aligned to the right, that of `prose` is broken into lines."""
        signs = Signs.of(self._out.file)
        cells = [[signs.readable(printable(cell)) for cell in row] for row in rows]
        self._out.table(columns, cells, numbers, prose)

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
        output = self._err if to_stderr else self._out
        output.print(filled(output, shown(output.file, text), indent, indent))

    # What is not the result -----------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """A note beside the result, on standard error."""
        self._err.print(shown(self._err.file, text))

    def error(self, text: str) -> None:
        """What went wrong, on standard error."""
        self._err.print(shown(self._err.file, f"✗ {text}"), style="red")

    def busy(self, text: str) -> AbstractContextManager[Any]:
        """Show on a terminal that something is being done."""
        return self._moving.busy(shown(self._err.file, text))

    def progress(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show on a terminal how many of `total` are done, as often as the caller gives the number."""
        return self._moving.progress(title, total)


def _output(*, to_stderr: bool) -> Output:
    output = Output(to_stderr=to_stderr)
    if not output.may_be_terminal:
        return output
    from worker.presentation.terminal import Terminal  # noqa: PLC0415 - it takes long, and a pipe does not need it

    terminal = Terminal(to_stderr=to_stderr)
    return terminal if terminal.is_terminal else output


def filled(output: Output, text: str, first_indent: int, other_indent: int) -> str:
    """A paragraph that fits the console; all lines but the first have `other_indent`."""
    return fill(
        text,
        min(output.width, WIDEST) if output.is_terminal else output.width,
        initial_indent=" " * first_indent,
        subsequent_indent=" " * other_indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def shown(file: IO[str] | None, text: str) -> str:
    """The text as a stream can show it, so that the layout counts the characters that will be printed."""
    return Signs.of(file).readable(printable(text))
