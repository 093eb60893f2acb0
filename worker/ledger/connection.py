"""Connections to Redis, each proved to reach one: something else may listen at the address and answer anything."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import redis

from worker.config.redis_url import RedisUrl

if TYPE_CHECKING:
    from collections.abc import Callable

NONSENSE: Final = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What the client raises over bytes that no Redis sends."""


class _Proved:
    """Makes a connection raise InvalidResponse, and nothing else, if it is no Redis that answers."""

    def on_connect_check_health(self, *args: Any, **options: Any) -> None:
        """Log in, and let the server repeat a word that nobody else can know."""
        connection: Any = super()
        _understood(lambda: connection.on_connect_check_health(*args, **options))
        self._repeat(uuid.uuid4().hex)

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer."""
        connection: Any = super()
        return _understood(lambda: connection.read_response(*args, **options))

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


class Connection(_Proved, redis.Connection):
    """A connection without TLS."""


class TlsConnection(_Proved, redis.SSLConnection):
    """A connection over TLS."""


def connect(url: str | RedisUrl) -> redis.Redis:
    """A client for a Redis URL; nothing is opened yet."""
    redis_url = RedisUrl.read(url) if isinstance(url, str) else url
    kind = TlsConnection if redis_url.is_tls else Connection
    return redis.Redis.from_pool(redis.ConnectionPool(kind, decode_responses=True, **redis_url.arguments))


def _understood(act: Callable[[], Any]) -> Any:
    """What an act answers. Raises InvalidResponse if it was sent nonsense."""
    try:
        return act()
    except NONSENSE as error:
        raise redis.InvalidResponse(type(error).__name__) from error
