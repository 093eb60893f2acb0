"""Celery's connection to Redis as its queue, which no loss of it ends the worker for."""

from __future__ import annotations

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """A channel that says so when its connection was given up.

    When Redis goes away while jobs run, Celery gives the connection up. Who still uses a channel of it then, to
    acknowledge a job or to close it once more, met an AttributeError of kombu 5.7, which ends the worker, instead of an
    error of the connection, which Celery expects.
    """

    def _connparams(self, *args: Any, **options: Any) -> Any:
        """Raise ConnectionError where there is nothing to connect to."""
        if getattr(self.connection, "client", None) is None:
            raise ConnectionError("the connection to Redis was given up")
        return super()._connparams(*args, **options)  # type: ignore[misc]


class Transport(redis.Transport):
    """Kombu's transport, with that channel."""

    Channel = Channel
