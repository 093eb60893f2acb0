"""Keeps child processes running: one that ends is started again, after a pause that grows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from worker.local.child import ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.local.child import Child

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LOOK_SECONDS = 0.2
"""The time between two looks."""
STEADY_SECONDS = 120.0
"""A child that ran this long has recovered: its next pause is the first one again."""


def keep_running(children: Iterable[Child], report: Callable[[str], None]) -> NoReturn:
    """Start again whichever of these running children ends, until something such as Stopped is raised."""
    watch = Watch(children, report)
    while True:
        watch.look()
        time.sleep(LOOK_SECONDS)


@dataclass
class _Watched:
    child: Child
    started_at: float
    pause_seconds: float = FIRST_PAUSE_SECONDS
    start_again_at: float | None = None


class Watch:
    """Watches children that run already. `report` gets a sentence about each that ended."""

    def __init__(
        self, children: Iterable[Child], report: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._report = report
        self._watched = [_Watched(child, clock()) for child in children]

    def look(self) -> None:
        """Look at every child once, and start those again whose pause is over."""
        now = self._clock()
        for watched in self._watched:
            if watched.child.exit_code is None:
                continue
            if watched.start_again_at is None:
                self._plan_restart(watched, now)
            elif now >= watched.start_again_at:
                watched.child.start()
                watched.started_at, watched.start_again_at = now, None

    def _plan_restart(self, watched: _Watched, now: float) -> None:
        has_recovered = now - watched.started_at >= STEADY_SECONDS
        pause = FIRST_PAUSE_SECONDS if has_recovered else watched.pause_seconds
        watched.start_again_at = now + pause
        watched.pause_seconds = min(LONGEST_PAUSE_SECONDS, 2 * pause)
        how = ending(watched.child.exit_code)
        self._report(f"{watched.child.name} ended with {how}; it starts again in {pause:g} s")
