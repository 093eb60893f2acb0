"""Lanes: a few threads for each sort of work that has to wait, so that no sort takes the threads of another.

A lane takes a limited amount of work at a time and refuses the rest with an explanation. Without the limit, Flower
would gather requests without end whenever Redis or an API stands still.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

PAGES_FULL: Final = "Flower is reading as many pages as it can at once. Wait a moment, then load the page again."
SCRAPES_FULL: Final = "Earlier scrapes have not ended yet."
FORMS_FULL: Final = (
    "Flower is reading as many forms as it can at once. Nothing was changed: wait a moment, then send it again."
)
CHANGES_FULL: Final = (
    "Flower is making as many large changes as it can at once. Nothing was changed: wait a minute, then send it again."
)
PREVIEWS_FULL: Final = (
    "Flower is making as many previews as it can at once. Wait half a minute, then press Preview again."
)


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


@dataclass(frozen=True)
class Lanes:
    """The lanes of one Flower."""

    pages: Lane = field(default_factory=lambda: Lane("pages", threads=8, places=64, full=PAGES_FULL))
    """Reads Redis for a page, and makes small changes."""
    scrapes: Lane = field(default_factory=lambda: Lane("scrapes", threads=1, places=7, full=SCRAPES_FULL))
    """Reads Redis for Prometheus, one scrape after the other: they need no login, so they must not overload Redis."""
    forms: Lane = field(default_factory=lambda: Lane("forms", threads=2, places=16, full=FORMS_FULL))
    """Reads what was sent, which may be a list of many ids."""
    changes: Lane = field(default_factory=lambda: Lane("changes", threads=3, places=5, full=CHANGES_FULL))
    """Changes many jobs."""
    previews: Lane = field(default_factory=lambda: Lane("previews", threads=4, places=8, full=PREVIEWS_FULL))
    """Reads the APIs, which may be slow."""
