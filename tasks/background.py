"""Loops that every worker runs beside its jobs, each in a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from celery.signals import worker_ready, worker_shutting_down

from worker.app import app

if TYPE_CHECKING:
    from collections.abc import Callable


def run_in_workers(name: str, loop: Callable[[threading.Event], None]) -> None:
    """Run a loop from a worker's start on; it ends once the event is set that it is given, at the worker's stop."""
    stopping = threading.Event()

    @worker_ready.connect(weak=False)
    def start(sender: Any, **_: object) -> None:
        if sender.app is not app:
            return  # a listener's own Celery application, which imports `submit`
        stopping.clear()
        threading.Thread(target=loop, args=[stopping], name=name, daemon=True).start()

    @worker_shutting_down.connect(weak=False)
    def end(**_: object) -> None:
        stopping.set()
