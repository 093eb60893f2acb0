"""Connections to Redis, each proved to reach one: something else may listen at the address and answer anything."""

from __future__ import annotations

import uuid
from typing import Any, Final

import redis

from worker.config.redis_url import RedisUrl

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
