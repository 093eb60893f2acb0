"""The sweeper of a worker: every few seconds, one of the sweepers looks for jobs that nobody else would run.

Every worker has one, and the ledger decides by Redis' clock whose turn it is. So a second sweeper, a dead one, or a
machine with a wrong clock does no harm.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from tasks.background import run_in_workers
from tasks.upkeep import sweep
from worker.app import app
from worker.ledger import LedgerUnavailable
from worker.telemetry import sentry

if TYPE_CHECKING:
    from threading import Event

log = logging.getLogger(__name__)

SWEEP = "sweep"
CHECK_IN = "check-in"
CHECK_IN_SECONDS = 60.0
"""How often it checks in: Sentry counts in minutes."""


def sweep_if_due() -> bool:
    """Sweep if a sweep is due. Returns whether it was. Raises LedgerUnavailable."""
    ledger, seconds = app.runtime.ledger, app.runtime.settings.sweep_seconds
    is_due = ledger.is_due(SWEEP, seconds)
    if is_due:
        sweep()
        if ledger.is_due(CHECK_IN, CHECK_IN_SECONDS):
            sentry.check_in(SWEEP, max(seconds, CHECK_IN_SECONDS))
    return is_due


def sweep_until(stopping: Event) -> None:
    """Sweep every few seconds until the worker stops. Random waits keep the workers from all asking at once."""
    seconds = app.runtime.settings.sweep_seconds
    while not stopping.wait(seconds * random.uniform(0.5, 1)):  # noqa: S311 - no secret
        try:
            sweep_if_due()
        except LedgerUnavailable:
            continue
        except Exception as error:  # noqa: BLE001 - without the sweep, lost messages would stay lost
            log.error("the sweeper met %s and goes on", type(error).__name__)  # noqa: TRY400 - its text can hold anything


run_in_workers("sweeper", sweep_until)
