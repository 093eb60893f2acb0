"""The sweeper of a worker: every few seconds one of them looks for the jobs that nobody would run otherwise.

Every worker has one, and the ledger says whose turn it is, by Redis' clock: a second sweeper, a dead one, or a machine
whose clock is wrong changes nothing.
"""

from __future__ import annotations

import logging
import random
import threading
from typing import Any

from celery.signals import worker_ready, worker_shutting_down

from tasks.upkeep import sweep
from worker import telemetry
from worker.app import app
from worker.ledger import LedgerUnavailable

log = logging.getLogger(__name__)

SWEEP = "sweep"
CHECK_IN = "check-in"
CHECK_IN_SECONDS = 60.0
"""Sentry counts in minutes."""

_stop = threading.Event()


def sweep_if_due() -> bool:
    """Sweep where that is due; whether it was. Raises LedgerUnavailable."""
    ledger, seconds = app.runtime.ledger, app.runtime.settings.sweep_seconds
    is_due = ledger.is_due(SWEEP, seconds)
    if is_due:
        sweep()
        if ledger.is_due(CHECK_IN, CHECK_IN_SECONDS):
            telemetry.check_in(SWEEP, max(seconds, CHECK_IN_SECONDS))
    return is_due


def _sweeper() -> None:
    """Workers that started together do not all ask at the same moment."""
    seconds = app.runtime.settings.sweep_seconds
    while not _stop.wait(seconds * random.uniform(0.5, 1)):  # noqa: S311 - no secret
        try:
            sweep_if_due()
        except LedgerUnavailable:
            continue
        except Exception as error:  # noqa: BLE001 - without the sweep, what was lost would stay lost
            log.error("the sweeper met %s and goes on", type(error).__name__)  # noqa: TRY400 - its text can hold anything


@worker_ready.connect
def _start(sender: Any, **_: object) -> None:
    if sender.app is not app:
        return  # a listener's own Celery application, which imports `submit`
    _stop.clear()
    threading.Thread(target=_sweeper, name="sweeper", daemon=True).start()


@worker_shutting_down.connect
def _end(**_: object) -> None:
    _stop.set()
