"""Lanes: a few threads for each sort of work that has to wait, so that no sort takes the threads of another.

A lane takes a limited amount of work at a time and refuses the rest with an explanation. Without the limit, a server
would gather requests without end whenever Redis or an API stands still.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class LaneFull(Exception):
    """A lane takes no more work now; its text explains it to a person."""


class Lane:
    """A few threads for one sort of work, and a few places to wait for one of them."""

    def __init__(self, name: str, *, threads: int, places: int, full: str) -> None:
        """`full` is the text of the error that is raised while all threads and places are taken."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._room = threading.BoundedSemaphore(threads + places)
        self._full = full

    def begin(self, work: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """Do the work in a thread of the lane as soon as one is free. Raises LaneFull.

        Cancelling the answer drops work that has not begun. Work that has begun keeps its thread to its end.
        """
        if not self._room.acquire(blocking=False):
            raise LaneFull(self._full)
        done = self._pool.submit(work)
        done.add_done_callback(lambda _: self._room.release())
        return asyncio.wrap_future(done)
