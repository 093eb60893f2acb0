"""How a command ends."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from signal import SIGINT
from typing import TYPE_CHECKING, Any, Final

import click

from worker.cli.exit_codes import ALL_WELL, FAILED
from worker.cli.output import OutputLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.cli.signals import Signals

CONFIGURATION: Final = "worker.config.faults"
"""Where the configuration's warnings are logged."""


class _Warnings(logging.Handler):
    """Shows a warning on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"Warning: {record.getMessage()}", err=True)


def show_warnings_alone() -> None:
    """Log nothing but the configuration's warnings: the command itself says what came of its tasks."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger(CONFIGURATION).addHandler(_Warnings())


def ended(run: Callable[[], Any], signals: Signals) -> int:
    """Run a command and answer its exit code. An error that a person can meet is told; a fault of ours is raised."""
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
        return _told(lost)
    except Exception as error:
        if signals.number:  # what an interruption has become on its way
            raise click.Abort from error
        from worker.cli.explaining import explained  # noqa: PLC0415 - imports much that `--help` does not need

        told = explained(error)
        if told is None:
            raise
        return told
    if signals.number not in {0, SIGINT}:  # a command may take Ctrl-C for its good end, but no other
        raise click.Abort
    return code


def _told(lost: OutputLost) -> int:
    if lost.is_reader_gone:
        return ALL_WELL  # it has what it wanted
    click.echo(str(lost), err=True)
    return FAILED


@contextmanager
def jobs_go_on() -> Iterator[None]:
    """Whoever interrupts what requests jobs, or waits for them, is told what becomes of these."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Nothing is lost: jobs that were requested are in the ledger and go on.", err=True)
        raise
