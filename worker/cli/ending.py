"""How a command ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from worker.cli.exit_codes import ALL_WELL, INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Callable


def ended(run: Callable[[], Any]) -> int:
    """Run a command and answer its exit code. An error that a person can meet is told; a fault of ours is raised."""
    # What a task logs is for workers; here the command itself says what came of it.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        return run() or ALL_WELL
    except click.Abort:
        click.echo("Interrupted. Nothing is lost: jobs that were requested are in the ledger and go on.", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Exception as error:
        from worker.cli.explaining import explained  # noqa: PLC0415 - imports much that `--help` does not need

        code = explained(error)
        if code is None:
            raise
        return code
