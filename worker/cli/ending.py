"""How a command ends."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from worker.cli.exit_codes import ALL_WELL, FAILED, INTERRUPTED
from worker.cli.output import OutputLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def ended(run: Callable[[], Any]) -> int:
    """Run a command and answer its exit code. An error that a person can meet is told; a fault of ours is raised."""
    # What a task logs is for workers; here the command itself says what came of it.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        code = run() or ALL_WELL
        if sys.stdout:
            sys.stdout.flush()
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OutputLost as lost:
        return _told(lost)
    except Exception as error:
        from worker.cli.explaining import explained  # noqa: PLC0415 - imports much that `--help` does not need

        told = explained(error)
        if told is None:
            raise
        return told
    return int(code)


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
