"""Loads the ledger's Lua scripts and runs them, and asks Redis several things in one round trip."""

from __future__ import annotations

import math
import os
import re
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final, TypeVar

import redis

from worker.effects import Effect, Moment, Witness, nobody, witnessed
from worker.jobs.job import Kind
from worker.jobs.routes import QUEUE_OF, TASK_OF, UPKEEP
from worker.ledger.connection import NONSENSE, outage
from worker.ledger.keys import PREFIX, member_of, row_of
from worker.ledger.limits import LimitsAsJson
from worker.ledger.redis_errors import ScriptFailed, error_of, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from redis.client import Pipeline
    from redis.commands.core import Script

    from worker.jobs.errors import SyncError
    from worker.jobs.job import Job
    from worker.ledger.limits import StoreLimits

ROUTES: Final = "_routes"
# These scripts change nothing, and so are no effects; `figures` has a client of its own.
NOW: Final = "now"
DUE_STORES: Final = "due"
TO_SWEEP: Final = "to_sweep"
PROGRESS: Final = "progress"
FLEET: Final = "fleet"
INCLUDE = re.compile(r"^-- include: (.+)$", re.MULTILINE)

Key = TypeVar("Key")
Value = TypeVar("Value")
Args = list[str | int]
Found = dict[tuple[object, ...], Any]
"""Answers by the name that each was asked under."""


def source(name: str, replaced: Mapping[str, str] | None = None) -> str:
    """A script with the pieces that it includes in front. `replaced` gives a piece another text: a test's clock."""
    return "\n".join((replaced or {}).get(each) or piece(each) for each in _pieces(name))


@cache
def _pieces(name: str) -> tuple[str, ...]:
    """The names of what a script includes, and of what that includes, each once; its own is the last."""
    included = INCLUDE.search(piece(name))
    needed = included.group(1).split() if included else []
    return tuple(dict.fromkeys([*(each for needs in needed for each in _pieces(needs)), name]))


@cache
def piece(name: str) -> str:
    """The text of a script or of a piece of scripts alone."""
    if name == ROUTES:
        return _routes()
    return _file(name).read_text(encoding="utf-8")


def _file(name: str) -> Path:
    return Path(__file__).parent / "scripts" / f"{name}.lua"


def _routes() -> str:
    """The piece that says where each kind's messages go, which is no file: it is made of `worker.jobs.routes`."""
    rows = [f"{kind} = {{ task = '{TASK_OF[kind]}', queue = '{QUEUE_OF[kind]}' }}" for kind in Kind]
    return f"local ROUTES, FRONT = {{ {', '.join(rows)} }}, '{UPKEEP}'"


FAILURES: Final = (redis.RedisError, *NONSENSE)
"""What the client raises."""


READS_ANSWERS: Final = frozenset({"read_response", "parse_response", "_execute_transaction"})
"""The functions of the client that read what Redis answers."""
WRITES_ARGUMENT: Final = "encode"
"""That of the client that turns an argument of ours into bytes, which happens inside the last of them, too."""


def _is_over_answer(error: BaseException) -> bool:
    """Whether the client raised an error while it read an answer, and not while it wrote what we gave it."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    names = {each.f_code.co_name for each in frames if each.f_globals["__name__"].startswith("redis.")}
    return not READS_ANSWERS.isdisjoint(names) and WRITES_ARGUMENT not in names


def _failure(error: BaseException, script: str = "") -> SyncError | None:
    """The error of the catalogue for one that the client raised, which is logged; None for any other's."""
    if not isinstance(error, redis.RedisError):
        # A ValueError can be ours as well: it is the client's only if it was raised over an answer.
        if not _is_over_answer(error):
            return None
        error = redis.InvalidResponse(type(error).__name__)
    failed = error_of(error, script)
    if isinstance(failed, ScriptFailed):
        outage.fault(failed)
    else:
        outage.met(in_words(error))
    return failed


@contextmanager
def available(script: str = "") -> Iterator[None]:
    """Turn whatever the Redis client raises into LedgerUnavailable, LedgerRefuses or ScriptFailed."""
    try:
        yield
    except FAILURES as error:
        if failed := _failure(error, script):
            raise failed from error
        raise


def in_one_trip(client: redis.Redis, ask: Callable[[Pipeline], object]) -> list[Any]:
    """What Redis answers to all that `ask` puts into a pipeline, in one round trip. Raises LedgerUnavailable."""
    with available():
        pipeline = client.pipeline(transaction=False)
        ask(pipeline)
        return pipeline.execute()


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


SELDOM_SECONDS: Final = 0.1
"""How long a thread uses its connection until it looks again whether that still lives."""


class OwnClient(threading.local):
    """A client for each thread, on a connection that it keeps.

    So a script waits for no lock of a pool, and seldom for a look whether the connection still lives.
    """

    client: redis.Redis

    def __init__(self, shared: redis.Redis) -> None:
        self._shared: Any = shared
        self.process, self.good_until = 0, -math.inf

    def look(self) -> None:
        """Have a connection that lives. Raises what the client raises over one."""
        if self.process != os.getpid():  # a forked child must not read its parent's answers
            self.client, self.process = self._shared.client(), os.getpid()
        elif self._is_over():
            self.cut()
        self.good_until = monotonic() + SELDOM_SECONDS

    def cut(self) -> None:
        """Close the connection: an answer that was not read to its end would be taken for the next one's."""
        connection: Any = self.process and self.client.connection
        if connection:
            connection.disconnect()

    def _is_over(self) -> bool:
        """Whether Redis has closed the connection, or sent what nobody asked for."""
        connection: Any = self.client.connection
        try:
            return bool(connection and connection.is_connected and connection.can_read())
        except (*FAILURES, OSError):
            return True


class Made(dict[Key, Value]):
    """Values that are made when they are first asked for: a command uses one or two of them."""

    def __init__(self, make: Callable[[Key], Value]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Key) -> Value:
        value = self[key] = self._make(key)
        return value


class Scripts:
    """The scripts on one Redis, each an effect that the witness sees."""

    def __init__(
        self,
        client: redis.Redis,
        limits: Mapping[int, StoreLimits] | None,
        witness: Witness = nobody,
        replaced: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._own = OwnClient(client)
        self._limits = LimitsAsJson(limits)
        self._witness = witness
        self._scripts: Made[str, Script] = Made(lambda name: client.register_script(source(name, replaced)))

    def run(self, effect: Effect, args: Sequence[str | int], job: Job | None = None, keys: Sequence[str] = ()) -> Any:
        """Run one script; that of a job gets its key, prefix, kind, member and limits in front of `args`.

        Raises LedgerUnavailable, and ScriptFailed if the fault is ours. Each call of a job's APIs can wait for one of
        these, so it calls no more functions than it must: nobody is not called, and no outage not looked at.
        """
        if job:
            member = f"{job.system_id}:{job.customer_id}"
            keys = (f"{PREFIX}job:{job.kind}:{member}", *keys)
            args = [PREFIX, job.kind, member, self._limits[job.system_id], *args]
        if self._witness is not nobody:
            self._witness(effect, Moment.BEFORE)
        own = self._own
        try:  # not `available`, which does the same: a context manager is three calls more
            if monotonic() > own.good_until or own.process != os.getpid():
                own.look()
            answer = self._scripts[effect](keys=keys, args=args, client=own.client)
            if outage.since is not None:
                outage.look(self._client)
        except FAILURES as error:
            own.cut()
            if failed := _failure(error, effect):
                raise failed from error
            raise
        except BaseException:  # Ctrl-C, for one
            own.cut()
            raise
        if self._witness is not nobody:
            self._witness(effect, Moment.AFTER)
        return answer

    def run_all(self, effect: Effect, calls: Sequence[tuple[Job, Args]]) -> list[Any]:
        """Run the script of many jobs in one round trip. Raises LedgerUnavailable and ScriptFailed."""
        return self._run_each(
            effect,
            (
                ([row_of(job)], [PREFIX, job.kind, member_of(job), self.limits_of(job.system_id), *args])
                for job, args in calls
            ),
        )

    def run_for_stores(self, effect: Effect, systems: Iterable[int]) -> list[Any]:
        """Run the script of many stores in one round trip. Raises LedgerUnavailable and ScriptFailed."""
        return self._run_each(effect, (([], [PREFIX, each, self.limits_of(each)]) for each in systems))

    def _run_each(self, effect: Effect, calls: Iterable[tuple[list[str], Args]]) -> list[Any]:
        with witnessed(self._witness, effect), available(effect):
            pipeline = self._client.pipeline(transaction=False)
            for keys, args in calls:
                self._scripts[effect](keys=keys, args=args, client=pipeline)
            return pipeline.execute()

    def limit(self, limits: Mapping[int, StoreLimits] | None) -> None:
        """Go by these limits from the next script on."""
        self._limits = LimitsAsJson(limits)

    def limits_of(self, system_id: int) -> str:
        """The limits of a store as JSON."""
        return self._limits[system_id]

    def in_one_trip(self, ask: Callable[[Pipeline], object]) -> list[Any]:
        """The same as the function, on this Redis."""
        return in_one_trip(self._client, ask)

    def read(self, name: str, args: Args, keys: Sequence[str] = ()) -> Any:
        """Run a script that changes nothing. Raises LedgerUnavailable and ScriptFailed."""
        with available(name):
            return self._scripts[name](keys=keys, args=args)

    def ask_now(self, pipeline: Any) -> None:
        """Ask in a pipeline what time it is by the scripts' clock, in milliseconds since 1970."""
        self._scripts[NOW](client=pipeline)
