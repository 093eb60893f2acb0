"""Actors: code that runs in a thread of its own, but only while the scheduler lets it.

One thread runs at any time, and it changes only where an actor pauses, so a run depends on nothing but its seed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.job import Job
    from worker.ledger import Claim


class Killed(BaseException):
    """The process ended here: like SIGKILL, no `except Exception` sees it."""


class Actor:
    """One piece of work of one process: a message that a worker runs, a trigger that a listener hands over, a pump."""

    def __init__(self, name: str, work: Callable[[], None], job: Job | None = None) -> None:
        self.name = name
        self.job = job
        self.place = "starts"
        self.frozen_until = 0
        """The time until which it does not run, in ms: a process that is starved or stopped."""
        self.deadline: int | None = None
        """The time by which it must have moved on, in ms: a call, and the way to it, are bounded by timeouts."""
        self.claim: Claim | None = None
        self.is_finished = False
        self._is_killed = False
        self._work = work
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def step(self) -> None:
        """Run until the next pause, or the end."""
        if not self._thread.ident:
            self._thread.start()
        self._go.release()
        self._back.acquire()

    def kill(self) -> None:
        """End it where it pauses."""
        self._is_killed = True
        while not self.is_finished:
            self.step()

    def pause(self, place: str) -> None:
        """Let the scheduler choose who runs next; called by the actor itself. Raises Killed."""
        self.place = place
        self._back.release()
        self._go.acquire()
        if self._is_killed:
            raise Killed

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._is_killed:
                self._work()
        except Killed:
            pass
        finally:
            self.is_finished = True
            self._back.release()
