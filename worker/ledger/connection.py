"""Connections to Redis, each proved to reach one: something else may listen at the address and answer anything."""

from __future__ import annotations

import logging
import math
import threading
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import redis

from worker.config.redis_url import RedisUrl
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
NONSENSE: Final = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What the client raises over bytes that no Redis sends."""


class _Proved:
    """Makes a connection raise InvalidResponse while it is made, and nothing else, if it is no Redis that answers."""

    def on_connect_check_health(self, *args: Any, **options: Any) -> None:
        """Log in, and let the server repeat a word that nobody else can know."""
        connection: Any = super()
        try:
            connection.on_connect_check_health(*args, **options)
            self._repeat(uuid.uuid4().hex)
        except NONSENSE as error:
            raise redis.InvalidResponse(type(error).__name__) from error

    def _repeat(self, word: str) -> None:
        connection: Any = self
        connection.send_command("PING", word, check_health=False)
        try:
            answer = connection.read_response(disconnect_on_error=False)
        except (redis.ResponseError, redis.exceptions.BusyLoadingError, redis.exceptions.MasterDownError):
            return  # a Redis that refuses: whatever is asked next is refused too, and says why
        if answer not in (word, word.encode()):
            connection.disconnect()
            raise redis.InvalidResponse("PING was not answered with its argument")


class _Guarded(_Proved):
    """The same with each answer, for whoever does not expect NONSENSE: kombu, and the proof of a Redis."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer."""
        connection: Any = super()
        try:
            return connection.read_response(*args, **options)
        except NONSENSE as error:
            raise redis.InvalidResponse(type(error).__name__) from error


class LedgerConnection(_Proved, redis.Connection):
    """A connection of the ledger, which turns NONSENSE into LedgerUnavailable itself: see `scripting`."""


class LedgerTlsConnection(_Proved, redis.SSLConnection):
    """The same over TLS."""


class Connection(_Guarded, redis.Connection):
    """A connection without TLS."""


class TlsConnection(_Guarded, redis.SSLConnection):
    """A connection over TLS."""


def connect(url: str | RedisUrl, *, guarded: bool = False) -> redis.Redis:
    """A client for a Redis URL; nothing is opened yet. If it is `guarded`, it raises nothing but errors of Redis."""
    redis_url = RedisUrl.read(url) if isinstance(url, str) else url
    plain, tls = (Connection, TlsConnection) if guarded else (LedgerConnection, LedgerTlsConnection)
    kind: type[redis.Connection] = tls if redis_url.is_tls else plain
    return redis.Redis.from_pool(redis.ConnectionPool(kind, decode_responses=True, **redis_url.arguments))


# Whether it is in trouble --------------------------------------------------------------------------------------------


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
        with suppress(redis.RedisError, *NONSENSE):
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
