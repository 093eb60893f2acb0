"""Logs once that Redis is in trouble, however many threads meet it and however often, and once that it is over."""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import redis

from worker.jobs.errors import error_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.errors import SyncError

log = logging.getLogger(__name__)

OUTAGE: Final = "outage"
OUTAGE_ENDED: Final = "outage ended"
REPEAT_SECONDS: Final = 300
"""How long an outage lasts before it is logged again."""
QUIET_SECONDS: Final = 30
"""How soon the same can be logged as a new outage: what comes and goes each second must not fill the log."""
WRITABLE: Final = "stamped-sync:writable"
"""A key that whoever wants to know whether Redis takes writes sets for a moment."""
WRITABLE_MS: Final = 1


class Outage:
    """What is wrong with the process' Redis at the moment, if anything is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told_at: dict[str, float] = {}
        self.since: float | None = None
        """When it began, by the clock; None if nothing is wrong."""

    def met(self, words: str) -> None:
        """Log what Redis does, in words that go on after its name, unless that was just logged."""
        if self._is_news(words):
            log.error("Redis %s", words, extra={"outcome": OUTAGE})

    def fault(self, error: SyncError) -> None:
        """Log a fault of ours, which is no outage."""
        if self._is_news(str(error), is_outage=False):
            log.error("%s", error, extra=error_fields(error))

    def ended(self) -> None:
        """Log that Redis takes writes again, if it was logged that it did not."""
        with self._lock:
            since, self.since = self.since, None
        if since is not None:
            log.warning(
                "Redis takes writes again, after %.0f s", self._clock() - since, extra={"outcome": OUTAGE_ENDED}
            )

    def look(self, client: redis.Redis) -> None:
        """Try a write, and end the outage if it succeeds: that a script ran does not end it, as some write nothing."""
        with suppress(redis.RedisError):
            client.set(WRITABLE, "", px=WRITABLE_MS)
            self.ended()

    def _is_news(self, words: str, *, is_outage: bool = True) -> bool:
        now = self._clock()
        with self._lock:
            quiet = REPEAT_SECONDS if self.since is not None or not is_outage else QUIET_SECONDS
            if now < self._told_at.get(words, -math.inf) + quiet:
                return False
            recent = {each: at for each, at in self._told_at.items() if at > now - REPEAT_SECONDS}
            self._told_at = {**recent, words: now}
            if is_outage and self.since is None:
                self.since = now
            return True


outage: Final = Outage()
"""A process has one Redis: the ledger's client and the queue's meet the same trouble."""
