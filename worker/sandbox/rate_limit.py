"""A rate limit as an API enforces it: no window of `seconds`, wherever it starts, holds more than `limit` calls."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

from worker.sandbox.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Callable


class RateLimit:
    """Counts the calls that it lets through; refused ones do not count."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ValueError where the limit or the seconds are not above 0."""
        if limit < 1 or seconds <= 0:
            raise ValueError("limit and seconds must be above 0")
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._passed: deque[float] = deque()

    def wait_seconds(self) -> float:
        """Let a call through and return 0, or return how long it must wait."""
        now = self._clock()
        while self._passed and self._passed[0] <= now - self.seconds:
            self._passed.popleft()
        if len(self._passed) >= self.limit:
            return self._passed[0] + self.seconds - now
        self._passed.append(now)
        return 0


def too_many_calls(wait_seconds: float) -> Answer:
    """The refusal of a call, with the whole seconds after which another can pass."""
    retry_after = max(1, math.ceil(wait_seconds))
    return Answer({"message": "Too many calls."}, 429, {"Retry-After": str(retry_after)})
