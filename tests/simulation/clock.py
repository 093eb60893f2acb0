"""Virtual time: what the ledger's scripts read in place of Redis' own clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis

FIRST_MS = 1_800_000_000_000
KEY = "virtual-clock"


class VirtualClock:
    """The one clock of a world, moved by the scheduler alone."""

    def __init__(self) -> None:
        self.now_ms = FIRST_MS
        self._shown_ms = 0

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.now_ms += milliseconds

    def show(self, client: redis.Redis) -> None:
        """Let the scripts see what time it is."""
        if self._shown_ms != self.now_ms:
            self._shown_ms = self.now_ms
            client.set(KEY, self.now_ms)

    def seconds(self) -> float:
        """The time in seconds, as the guard of a claim reads it."""
        return self.now_ms / 1000
