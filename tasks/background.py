"""Loops that every worker runs beside its jobs, each in its own thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from celery.signals import worker_ready, worker_shutting_down

from worker.app import app

if TYPE_CHECKING:
    from collections.abc import Callable


def run_in_workers(name: str, loop: Callable[[threading.Event], None]) -> None:
    """Run a loop from a worker's start to its stop, when the event that the loop is given is set."""
    stopping = threading.Event()

    @worker_ready.connect(weak=False)
    def start(sender: Any, **_: object) -> None:
        if sender.app is not app:
            return  # the worker of a listener's own Celery application, which imports `submit`
        stopping.clear()
        threading.Thread(target=loop, args=[stopping], name=name, daemon=True).start()

    @worker_shutting_down.connect(weak=False)
    def end(**_: object) -> None:
        stopping.set()
