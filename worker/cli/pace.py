"""Shows how far something long has come: its rate and the time that remains."""

from __future__ import annotations

import time
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from worker.presentation.screen import shown
from worker.presentation.times import lasting

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_SECONDS: Final = 60
"""The rate is that of the last minute."""
LINE_SECONDS: Final = 10
"""How often a line is written if no bar can be shown."""


class Pace:
    """The rate of a count, and how long the rest will take."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, done: int) -> None:
        """Note how many are done now."""
        now = self._clock()
        self._seen.append((now, done))
        while self._seen[0][0] < now - WINDOW_SECONDS:
            self._seen.popleft()

    def in_words(self, ahead: int) -> str:
        """The rate, and the time for those that are ahead; empty until there is a rate."""
        if not self._seen:
            return ""
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        if now <= began or last <= first:
            return ""
        rate = (last - first) / (now - began)
        return f"{rate:,.1f} a second, about {lasting(timedelta(seconds=ahead / rate))} left"


class LongProgress:
    """A bar on a terminal; elsewhere a line every ten seconds, on standard error."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._pace = Pace()
        self._line_at = time.monotonic() + LINE_SECONDS
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True, stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=None, text="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, done: int, ahead: int, queued: int = 0) -> None:
        """Show how many are done and about how many are ahead.

        Of those that are done, `queued` still wait for a worker: the rate and the time are the worker's.
        """
        self._pace.note(done - queued)
        pace = self._pace.in_words(ahead + queued)
        self.show_as(done, done + ahead, ", ".join(filter(None, [f"{done:,} of about {done + ahead:,}", pace])))

    def show_as(self, done: int, total: int, text: str) -> None:
        """Show how far it is, with a text that says so."""
        self._bar.update(self._task, completed=done, total=total, text=text)
        if not self._console.is_terminal and time.monotonic() >= self._line_at:
            self.note(f"{self._title} {text}")
            self._line_at = time.monotonic() + LINE_SECONDS

    def note(self, text: str) -> None:
        """Something worth knowing, in a line of its own above the bar."""
        self._console.print(shown(self._console.file, text))
