"""Loads the ledger's Lua scripts and runs them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import redis

from worker.effects import Effect, Witness, nobody, witnessed
from worker.ledger.outage import outage
from worker.ledger.refusals import ScriptFailed, in_words, told

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


@contextmanager
def available(script: str = "") -> Iterator[None]:
    """Turn whatever the Redis client raises into LedgerUnavailable, LedgerRefuses or ScriptFailed."""
    try:
        yield
    except redis.RedisError as error:
        failed = told(error, script)
        if isinstance(failed, ScriptFailed):
            outage.fault(failed)
        else:
            outage.met(in_words(error))
        raise failed from error


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
        self._now = client.register_script(source("now", replaced))

    def run(self, effect: Effect, keys: Sequence[str], args: Sequence[str | int]) -> Any:
        """Run one script. Raises LedgerUnavailable, and ScriptFailed where the fault is ours."""
        with witnessed(self._witness, effect), available(effect):
            answer = self._scripts[effect](keys=keys, args=args)
            outage.look(self._client)
            return answer

    def pipeline(self) -> Any:
        """Some commands in one round trip, for what changes nothing; executed inside `available`."""
        return self._client.pipeline(transaction=False)

    def ask_now(self, pipeline: Any) -> None:
        """Ask in a pipeline what time it is by the scripts' clock, in milliseconds since 1970."""
        self._now(client=pipeline)

    def run_all(self, effect: Effect, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]) -> list[Any]:
        """Run one script many times in one round trip. Raises LedgerUnavailable and ScriptFailed."""
        with witnessed(self._witness, effect), available(effect):
            pipeline = self._client.pipeline(transaction=False)
            for keys, args in calls:
                self._scripts[effect](keys=keys, args=args, client=pipeline)
            return pipeline.execute()
