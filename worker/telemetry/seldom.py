"""Says a thing once in a while, however often it happens: for what anybody can make happen as often as they like."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

SAID_EVERY_SECONDS: Final = 600.0


@dataclass(slots=True)
class _Said:
    """When a thing was said last, and how often it has happened since."""

    at: float
    since: int = 0


class Seldom:
    """Counts what happens in one process. It is called by one thread alone."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        """`most`: how many different things it tells apart; all beyond count as one."""
        self._most = most
        self._now = now
        self._said: dict[Hashable, _Said] = {}

    def count(self, what: Hashable) -> int:
        """How often it has happened since it was said last, this time included; 0 if it need not be said yet."""
        known = what if what in self._said or len(self._said) < self._most else None
        said, now = self._said.get(known), self._now()
        if said is None:
            self._said[known] = _Said(now)
            return 1
        said.since += 1
        if now < said.at + SAID_EVERY_SECONDS:
            return 0
        self._said[known] = _Said(now)
        return said.since
