"""Threads of their own for each sort of work that waits for something: no sort can take those of another.

A lane takes only so much work at a time and refuses the rest in words: else, where Redis or an API stands still, Flower
would gather requests without end.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class LaneFull(Exception):
    """A lane takes no more work now; its text says so to a person."""


class Lane:
    """A few threads for one sort of work, and a few places to wait for one of them."""

    def __init__(self, name: str, *, threads: int, places: int, full: str) -> None:
        """`full` is told to whoever finds all threads and places taken."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._room = threading.BoundedSemaphore(threads + places)
        self._full = full

    def begin(self, work: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """Do it in a thread of the lane, or once one is free. Raises LaneFull.

        To cancel the answer gives up a place where the work has not begun. What has begun keeps its thread to its end.
        """
        if not self._room.acquire(blocking=False):
            raise LaneFull(self._full)
        done = self._pool.submit(work)
        done.add_done_callback(lambda _: self._room.release())
        return asyncio.wrap_future(done)


def _pages() -> Lane:
    full = "More pages are asked for than can be read from Redis at once. Wait a moment, then load the page again."
    return Lane("pages", threads=8, places=64, full=full)


def _scrapes() -> Lane:
    return Lane("scrapes", threads=1, places=7, full="Earlier scrapes have not ended yet.")


def _forms() -> Lane:
    full = "More is sent at once than can be read. Nothing was changed: wait a moment, then send it again."
    return Lane("forms", threads=2, places=16, full=full)


def _changes() -> Lane:
    full = (
        "Other large changes are being made, as many as this Flower makes at once. Nothing was changed: wait a minute, "
        "then send it again."
    )
    return Lane("changes", threads=3, places=5, full=full)


def _previews() -> Lane:
    full = "As many previews are made as this Flower makes at once. Wait half a minute, then press Preview again."
    return Lane("previews", threads=4, places=8, full=full)


@dataclass(frozen=True)
class Lanes:
    """The lanes of one Flower."""

    pages: Lane = field(default_factory=_pages)
    """What is read from Redis for a page, and small changes."""
    scrapes: Lane = field(default_factory=_scrapes)
    """Prometheus'. One after the other: they need no login, so nobody must be able to load Redis with them."""
    forms: Lane = field(default_factory=_forms)
    """What was sent is read, which may be a list of many ids."""
    changes: Lane = field(default_factory=_changes)
    """Changes to many jobs."""
    previews: Lane = field(default_factory=_previews)
    """What reads the APIs, which may be slow."""
