"""The reloader of a worker: takes a changed configuration into it, between two jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.background import run_in_workers
from worker.app import app

if TYPE_CHECKING:
    from threading import Event


def _reload(stopping: Event) -> None:
    app.reloader.watch("worker", stopping)


run_in_workers("reloader", _reload)
