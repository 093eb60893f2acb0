"""The pump of a worker: lets jobs of each store run as soon as its throttle and its hold allow.

A request or the end of a job admits jobs by itself; the pump is for what becomes possible by the passing of time alone.
Every worker has one. They need not know of each other: to admit is one step in Redis.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tasks.background import run_in_workers
from worker.app import app
from worker.ledger import LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import Event

log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 1.0
SHORTEST_WAIT_SECONDS = 0.01


def admit(systems: Iterable[int]) -> float:
    """Send the jobs that may run now; answers the seconds until it is worth looking again."""
    wait = LONGEST_WAIT_SECONDS
    for system_id in systems:
        messages, seconds = app.runtime.ledger.admit(system_id)
        app.wake(messages)
        if seconds is not None:
            wait = min(wait, seconds)
    return max(wait, SHORTEST_WAIT_SECONDS)


def _pump(stopping: Event) -> None:
    systems = [connection.system_id for connection in app.runtime.connections]
    wait = 0.0
    while not stopping.wait(wait):
        try:
            wait = admit(systems)
        except LedgerUnavailable:
            wait = LONGEST_WAIT_SECONDS
        except Exception as error:  # noqa: BLE001 - a throttled store would only move with the sweep
            log.error("the pump met %s and goes on", type(error).__name__)  # noqa: TRY400 - its text can hold anything
            wait = LONGEST_WAIT_SECONDS


run_in_workers("pump", _pump)
