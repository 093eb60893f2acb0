"""How a command ends: its exit code, what it says of an error, and what it does if its output can't be written."""

from __future__ import annotations

import codecs
import io
import logging
import sys
from contextlib import contextmanager
from signal import SIGINT
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from worker.presentation.signs import Signs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from worker.cli.signals import Signals
    from worker.jobs.catalogue import Failure
    from worker.jobs.errors import LedgerUnavailable

ALL_WELL: Final = 0
FAILED: Final = 1
WRONG: Final = 2
"""Wrong usage or configuration: whoever ran the command can put it right."""
AGAIN: Final = 75
"""Nothing was done, or not all, and the same can be tried again later (EX_TEMPFAIL of sysexits.h)."""

CONFIGURATION: Final = "worker.config.faults"
"""Where the configuration's warnings are logged."""


class _Warnings(logging.Handler):
    """Shows a warning on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"Warning: {record.getMessage()}", err=True)


def show_warnings_alone() -> None:
    """Log only the configuration's warnings: the command itself says what came of its tasks."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger(CONFIGURATION).addHandler(_Warnings())


def ended(run: Callable[[], Any], signals: Signals) -> int:
    """Run a command and answer its exit code. Shows an error that a person can meet, and raises a fault of ours."""
    try:
        code = _ended(run, signals)
        signals.ignore()
    except (KeyboardInterrupt, click.Abort):
        click.echo(signals.word, err=True)
        signals.ignore()
        return signals.exit_code
    return code


def _ended(run: Callable[[], Any], signals: Signals) -> int:
    try:
        code = int(run() or ALL_WELL)
        if sys.stdout:
            sys.stdout.flush()
    except click.Abort:
        raise
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OutputLost as lost:
        return _without_output(lost)
    except Exception as error:
        if signals.number:  # what an interruption has become on its way
            raise click.Abort from error
        if (explained_code := explained(error)) is None:
            raise
        return explained_code
    if signals.number not in {0, SIGINT}:  # a command may take Ctrl-C for its good end, but no other
        raise click.Abort
    return code


def _without_output(lost: OutputLost) -> int:
    if lost.is_reader_gone:
        return ALL_WELL  # it has what it wanted
    click.echo(str(lost), err=True)
    return FAILED


@contextmanager
def jobs_go_on() -> Iterator[None]:
    """If somebody interrupts what requests jobs, or waits for them, say what becomes of the jobs."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Nothing is lost: jobs that were requested are in the ledger and go on.", err=True)
        raise


# What is said of an error -------------------------------------------------------------------------------------------


def explained(error: Exception) -> int | None:
    """Show an error that a person can meet: its exit code. None for any other, which is a fault of ours."""
    # A command that ends well shows no error, and `--help` must not wait for these.
    from worker.config.faults import ConfigurationError  # noqa: PLC0415
    from worker.config.settings import load_settings  # noqa: PLC0415
    from worker.jobs.errors import CustomerIdInvalid, LedgerUnavailable, SyncError, TriggerMalformed  # noqa: PLC0415
    from worker.presentation.screen import Screen  # noqa: PLC0415

    screen = Screen()
    if isinstance(error, LedgerUnavailable):
        screen.error(redis_silent(error, load_settings().redis_url_shown))
        return WRONG
    if isinstance(error, SyncError):
        screen.error(error.failure.headline)
        screen.failure(error.failure, to_stderr=True)
        return WRONG if isinstance(error, CustomerIdInvalid | TriggerMalformed) else code_of([error.failure])
    if isinstance(error, ConfigurationError):
        screen.error("The configuration can't be used:")
        for fault in error.faults:
            screen.note(f"  {fault}")
        return WRONG
    return None


def code_of(failures: Iterable[Failure]) -> int:
    """The exit code for some failures, which may be none: 2 if the configuration is to blame for any of them."""
    code = ALL_WELL
    for failure in failures:
        if failure.entry.is_of_configuration:
            return WRONG
        code = FAILED
    return code


def redis_silent(error: LedgerUnavailable, address: str) -> str:
    """What Redis does at its address, and what to do about it, if it does not answer or refuses."""
    failure = error.failure
    shown = f"{failure.entry.title} at {address}"
    return f"{shown}: {failure.detail}" if failure.detail else shown


# Standard output and standard error ----------------------------------------------------------------------------------


class OutputLost(Exception):
    """Standard output can't be written: the disk is full, or the reader has gone, as `head` does.

    It is no OSError, because click and rich handle those in their own way.
    """

    def __init__(self, cause: OSError) -> None:
        self.is_reader_gone = isinstance(cause, BrokenPipeError)
        super().__init__(f"standard output: {(cause.strerror or type(cause).__name__).lower()}")


class _Output(io.FileIO):
    """Raises OutputLost once, and then drops everything: so the interpreter reports no second error when it ends."""

    _is_lost = False

    def write(self, data: Any, /) -> int:
        if self._is_lost:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self._is_lost = True
            raise OutputLost(error) from None


class _Notes(io.FileIO):
    """Drops what can't be written: a command goes on if nobody reads its notes."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


class _Text(io.TextIOWrapper):
    """Text in the signs that a stream's encoding has; everything that is printed comes through here."""

    def __init__(self, file: io.FileIO, stream: io.TextIOWrapper) -> None:
        self.signs = Signs.of(stream)
        super().__init__(
            io.BufferedWriter(file),
            # Click takes ASCII for a mistake and writes UTF-8 past it. The text is ASCII by then, in either encoding.
            encoding="latin-1" if _is_ascii(stream.encoding) else stream.encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
        )

    def write(self, text: str, /) -> int:
        return super().write(self.signs.readable(text))


def watch_output() -> None:
    """Write in the signs that each output has; standard output raises OutputLost if it can't be written.

    An output that is closed stays closed.
    """
    sys.stdout = _watched(sys.stdout, _Output)
    sys.stderr = _watched(sys.stderr, _Notes)


def _watched(stream: TextIO, kind: type[io.FileIO]) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return _Text(kind(stream.fileno(), "w", closefd=False), stream)


def _is_ascii(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "ascii"
