"""The pump of a worker: admits each store's jobs as soon as its throttle and its hold allow.

A request and the end of a job admit jobs themselves; the pump admits those that may run only because time has passed.
Every worker has one. Pumps do not get in each other's way, because admitting is one step in Redis.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tasks.background import run_in_workers
from worker.app import app
from worker.ledger import LedgerUnavailable

if TYPE_CHECKING:
    from threading import Event

log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 1.0
SHORTEST_WAIT_SECONDS = 0.01


def admit_due() -> float:
    """Send the jobs that may run only because time has passed. Returns the seconds until it is worth looking again."""
    seconds = app.runtime.ledger.admit_due()
    return LONGEST_WAIT_SECONDS if seconds is None else min(max(seconds, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)


def _pump(stopping: Event) -> None:
    wait = 0.0
    while not stopping.wait(wait):
        try:
            wait = admit_due()
        except LedgerUnavailable:
            wait = LONGEST_WAIT_SECONDS
        except Exception as error:  # noqa: BLE001 - without the pump, throttled stores would wait for the sweep
            log.error("the pump met %s and goes on", type(error).__name__)  # noqa: TRY400 - its text can hold anything
            wait = LONGEST_WAIT_SECONDS


run_in_workers("pump", _pump)
