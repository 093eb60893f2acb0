"""Counts the round trips to Redis as they are made on the wire: one for a command alone, one for a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis

if TYPE_CHECKING:
    from collections.abc import Callable


class RoundTrips:
    """A Redis client that counts what it sends."""

    def __init__(self, url: str) -> None:
        self.sent = 0
        pool = redis.ConnectionPool.from_url(url, decode_responses=True, connection_class=_counted(self._count))
        self.client = redis.Redis(connection_pool=pool)

    def of(self, act: Callable[[], Any]) -> int:
        """How many round trips something makes; it is done twice, as the first opens connections."""
        act()
        before = self.sent
        act()
        return self.sent - before

    def _count(self) -> None:
        self.sent += 1


def _counted(note: Callable[[], None]) -> type[redis.Connection]:
    class Counted(redis.Connection):
        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            note()
            super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    return Counted
