"""Several commands in one round trip to Redis, each answer found by the name that it was asked under."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis
    from redis.client import Pipeline

Found = dict[tuple[object, ...], Any]
"""Answers by name."""


@contextmanager
def together(client: redis.Redis, found: Found, *, atomic: bool = False) -> Iterator[Callable[..., Pipeline]]:
    """Let the block ask, as in `ask("hold", 4021).hgetall(key)`, and put the answers into `found` at its end.

    `atomic`: nothing else happens in Redis between them, so that their answers can be compared with each other.
    """
    pipeline = client.pipeline(transaction=atomic)
    names: list[tuple[object, ...]] = []

    def ask(*name: object) -> Pipeline:
        names.append(name)
        return pipeline

    yield ask
    found.update(zip(names, pipeline.execute(), strict=True))
