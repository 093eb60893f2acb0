"""Loads the ledger's Lua scripts and runs them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import redis

from worker.effects import Effect, Witness, nobody, witnessed
from worker.errors import LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INCLUDE = re.compile(r"^-- include: (.+)$", re.MULTILINE)


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath("scripts", f"{name}.lua").read_text(encoding="utf-8")


def source(name: str, replaced: Mapping[str, str] | None = None) -> str:
    """A script with the pieces that it includes in front. `replaced` gives a piece another text: a test's clock."""
    text = _file(name)
    included = INCLUDE.search(text)
    pieces = included.group(1).split() if included else []
    return "\n".join([*((replaced or {}).get(piece) or _file(piece) for piece in pieces), text])


class LedgerRefuses(LedgerUnavailable):
    """Redis answers, but not with what was asked for: a wrong password or database, no memory, no right to write."""


@contextmanager
def available() -> Iterator[None]:
    """Turn whatever the Redis client raises into LedgerUnavailable, which says no more than the kind of fault."""
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.AuthorizationError, redis.ResponseError) as error:
        raise LedgerRefuses(type(error).__name__) from error
    except redis.RedisError as error:
        raise LedgerUnavailable(type(error).__name__) from error


class Scripts:
    """The scripts on one Redis, each an effect that the witness sees."""

    def __init__(
        self, client: redis.Redis, witness: Witness = nobody, replaced: Mapping[str, str] | None = None
    ) -> None:
        self._client = client
        self._witness = witness
        self._scripts = {
            effect: client.register_script(source(effect, replaced))
            for effect in Effect
            if files(__package__).joinpath("scripts", f"{effect}.lua").is_file()
        }

    def run(self, effect: Effect, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run one script. Raises LedgerUnavailable."""
        with witnessed(self._witness, effect), available():
            return self._scripts[effect](keys=keys, args=args)

    def run_all(self, effect: Effect, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]) -> list[Any]:
        """Run one script many times in one round trip. Raises LedgerUnavailable."""
        with witnessed(self._witness, effect), available():
            pipeline = self._client.pipeline(transaction=False)
            for keys, args in calls:
                self._scripts[effect](keys=keys, args=args, client=pipeline)
            return pipeline.execute()


def connect(url: str) -> redis.Redis:
    """A client for a Redis URL; nothing is opened yet."""
    return redis.Redis.from_url(url, decode_responses=True, socket_connect_timeout=5, socket_timeout=10)
