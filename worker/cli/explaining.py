"""What is said of an error, and the exit code that it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.cli.exit_codes import ALL_WELL, FAILED, WRONG
from worker.cli.outcome import titled
from worker.config.faults import ConfigurationError
from worker.config.settings import load_settings
from worker.jobs.catalogue import Concerns, Failure
from worker.jobs.errors import CustomerIdInvalid, SyncError, TriggerMalformed
from worker.ledger import LedgerUnavailable
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterable

WRONG_INPUT = (CustomerIdInvalid, TriggerMalformed)


def explained(error: Exception) -> int | None:
    """Tell an error that a person can meet: its exit code. None for any other, which is a fault of ours."""
    screen = Screen()
    if isinstance(error, LedgerUnavailable):
        screen.error(redis_silent(error))
        return WRONG
    if isinstance(error, SyncError):
        screen.error(titled(error.failure))
        screen.failure(error.failure, to_stderr=True)
        return WRONG if isinstance(error, WRONG_INPUT) else code_of([error.failure])
    if isinstance(error, ConfigurationError):
        screen.error("The configuration can't be used:")
        for fault in error.faults:
            screen.note(f"  {fault}")
        return WRONG
    return None


def code_of(failures: Iterable[Failure]) -> int:
    """The exit code for some failures, which may be none: 2 where the configuration is to blame for any of them."""
    code = ALL_WELL
    for failure in failures:
        if failure.entry.concerns is Concerns.CONFIGURATION:
            return WRONG
        code = FAILED
    return code


def redis_silent(error: LedgerUnavailable) -> str:
    """What is said where Redis does not answer, or refuses: what it does, and what to do about it."""
    failure = error.failure
    told = f"{failure.entry.title} at {load_settings().redis_url_shown}"
    return f"{told}: {failure.detail[0].lower()}{failure.detail[1:].removesuffix('.')}" if failure.detail else told
