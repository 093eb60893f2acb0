"""Every command, key and channel that the ledger and the queue need, a harmless way to try each, and what that finds.

The ledger's commands are read from its scripts, so that one more script needs no second list. Those of the queue are
what kombu and Celery were seen to use; a test runs everything under a user who has these rights and no others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import redis

from worker.jobs.routes import QUEUES
from worker.ledger.redis_errors import ABORTED, COMMAND, REFUSALS, RIGHTS, URL, code_of, in_words, passes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRIORITIES: Final = ("", "\x06\x163", "\x06\x166", "\x06\x169")
"""What kombu puts behind the name of a queue, for the lists of its priorities."""
EXCHANGES: Final = (*QUEUES, "celeryev", "celery.pidbox", "reply.celery.pidbox")
LEDGER_KEYS: Final = "stamped-sync:*"
KEPT_MS: Final = "60000"
"""Should a trial break off, its keys are gone by then."""

CALL: Final = re.compile(r"redis\.p?call\(\s*['\"](\w+)['\"]")
QUEUE_COMMANDS: Final = (
    *("LPUSH", "RPUSH", "RPOP", "LLEN", "HSET", "HGET", "HDEL", "ZADD", "ZREM", "ZRANGE", "ZRANGEBYSCORE"),
    *("SADD", "SREM", "SMEMBERS", "SET", "GET", "DEL", "EXISTS", "PEXPIRE", "TIME"),
)
LEDGER_COMMANDS: Final = (
    *("HGETALL", "HGET", "HMGET", "HSET", "HINCRBY", "ZCARD", "ZCOUNT", "ZRANGE", "ZREVRANGE", "ZREVRANGEBYSCORE"),
    *("ZADD", "ZREM", "ZRANK", "SISMEMBER", "SMEMBERS", "SCARD", "LRANGE", "LLEN", "GET", "SET", "EXPIRE"),
    "TIME",
)
"""What the ledger uses outside its scripts."""
HARMLESS: Final[dict[str, str]] = {
    "APPEND": "{t} a",
    "DEL": "{t}2",
    "EXISTS": "{t}",
    "EXPIRE": "{t} 60",
    "GET": "{t}",
    "GETRANGE": "{t} 0 3",
    "HDEL": "{h} none",
    "HEXISTS": "{h} a",
    "HGET": "{h} a",
    "HGETALL": "{h}",
    "HINCRBY": "{h} n 1",
    "HLEN": "{h}",
    "HMGET": "{h} a",
    "HSET": "{h} a 1",
    "HSETNX": "{h} a 1",
    "INCR": "{n}",
    "LINDEX": "{l} 0",
    "LLEN": "{l}",
    "LPUSH": "{l} a",
    "LRANGE": "{l} 0 1",
    "PEXPIRE": "{t} 60000",
    "RPOP": "{l}2",
    "RPUSH": "{l} a",
    "SADD": "{s} a",
    "SCARD": "{s}",
    "SET": "{t} a PX 60000",
    "SISMEMBER": "{s} a",
    "SMEMBERS": "{s}",
    "SREM": "{s} none",
    "TIME": "",
    "UNLINK": "{t}2",
    "ZADD": "{z} GT 1 a",
    "ZCARD": "{z}",
    "ZCOUNT": "{z} 0 1",
    "ZRANGE": "{z} 1 0 BYSCORE REV LIMIT 0 1",
    "ZRANGEBYSCORE": "{z} 0 1",
    "ZRANK": "{z} a",
    "ZREM": "{z} none",
    "ZREMRANGEBYRANK": "{z} 9 9",
    "ZREMRANGEBYSCORE": "{z} 9 9",
    "ZREVRANGE": "{z} 0 1",
    "ZREVRANGEBYSCORE": "{z} 1 0",
    "ZSCORE": "{z} a",
}
"""Arguments with which a command does no harm to keys of one's own: text, number, hash, list, set and sorted set.

Options are those of Redis 6.2 if kombu or the ledger uses them, so that an older one is found out.
"""


@dataclass(frozen=True)
class Trial:
    """Commands to be tried in one step; each behind the first undoes the one before it."""

    keys: str
    """The pattern of the keys, as a rule of Redis' access control names it."""
    commands: tuple[tuple[str, ...], ...]


@cache
def ledger_commands() -> tuple[str, ...]:
    """Every command that the ledger's scripts call, or that it uses outside them."""
    scripts = (Path(__file__).parent.parent / "scripts").glob("*.lua")
    called = {name.upper() for each in scripts for name in CALL.findall(each.read_text(encoding="utf-8"))}
    return tuple(sorted(called | set(LEDGER_COMMANDS)))


def channels(db: int) -> tuple[str, ...]:
    """The patterns of all channels that are needed: Celery's events and its remote control."""
    return f"/{db}.celery.pidbox", f"/{db}.celeryev/*", f"/{db}.celeryev/worker.*"


def own_trials(token: str) -> Iterator[Trial]:
    """Each command of ledger and queue on keys of one's own, which are removed in the end."""
    names = {letter: f"stamped-sync:check:{token}:{letter}" for letter in "tnhlsz"}
    # A test fails if a command has no entry: that is no reason for a worker not to start.
    for command in dict.fromkeys(each for each in (*ledger_commands(), *QUEUE_COMMANDS) if each in HARMLESS):
        arguments = HARMLESS[command].format_map(names).split()
        yield Trial(LEDGER_KEYS, ((command, *arguments),))
    for name in (f"{each}{copy}" for each in names.values() for copy in ("", "2")):
        # Where one of the two is not allowed, the other still lets nothing stay.
        yield Trial(LEDGER_KEYS, (("PEXPIRE", name, KEPT_MS),))
        yield Trial(LEDGER_KEYS, (("DEL", name),))


def queue_trials(token: str, now: float) -> Iterator[Trial]:
    """Each key of the queue: what is put there is taken out again in the same step."""
    for queue in QUEUES:
        for name in (f"{queue}{priority}" for priority in PRIORITIES):
            yield Trial(f"{queue}*", (("RPUSH", name, token), ("RPOP", name)))
    for name in (f"{kind}.{each}" for kind in ("_kombu.binding", "_kombu.binding_permanent") for each in EXCHANGES):
        yield Trial("_kombu.binding*", (("SADD", name, token), ("SREM", name, token)))
    deadlines = "_kombu.binding_deadlines"
    yield Trial("_kombu.binding*", (("ZADD", deadlines, str(now), token), ("ZREM", deadlines, token)))
    yield Trial("unacked*", (("HSET", "unacked", token, "{}"), ("HDEL", "unacked", token)))
    yield Trial("unacked*", (("ZADD", "unacked_index", str(now), token), ("ZREM", "unacked_index", token)))
    yield Trial("unacked*", (("SET", "unacked_mutex", token, "NX", "PX", "1"),))
    reply = f"{token}.reply.celery.pidbox"
    yield Trial("*.celery.pidbox*", (("LPUSH", reply, token), ("DEL", reply)))
    yield Trial("celeryev.*", (("DEL", f"celeryev.{token}"),))


# What is found --------------------------------------------------------------------------------------------------------

FORBIDDEN_COMMAND: Final = re.compile(r"to run the '([a-z|]+)' command")
FORBIDDEN_KEY: Final = re.compile(r"access.* key")
FORBIDDEN_CHANNEL: Final = re.compile(r"access.* channel")


@dataclass(frozen=True)
class Finding:
    """One thing about a Redis that is not as it must be."""

    problem: str
    """What Redis does or is, as the rest of a sentence that begins with it."""
    fix: str
    is_error: bool = True
    """Whether no job runs so, or accepted jobs are lost."""
    passes: bool = False
    """Whether it can pass without anybody changing the configuration."""
    works: bool = False
    """Whether jobs run all the same."""

    def __str__(self) -> str:
        return f"{self.problem}: {self.fix}"

    @classmethod
    def of(cls, error: redis.RedisError) -> Finding:
        """What Redis refused, or that there was no answer."""
        problem, _, fix = in_words(error).partition(": ")
        return cls(problem, fix, passes=passes(error))

    @classmethod
    def known(cls, code: str) -> Finding:
        """A refusal that is known, though nothing was refused yet."""
        refusal = REFUSALS[code]
        return cls(refusal.words, refusal.resolution, passes=refusal.passes)

    @property
    def subject(self) -> str:
        """What it is about, without what stands in brackets."""
        return self.problem.partition(" (")[0]


@dataclass
class Gathering:
    """What was refused so far, each thing once."""

    errors: dict[str, redis.RedisError] = field(default_factory=dict)
    """Refusals of Redis as a whole, by their code."""
    rights: dict[str, None] = field(default_factory=dict)
    """Missing rights, as a rule of the access control names them."""
    unknown: dict[str, None] = field(default_factory=dict)
    """Commands that Redis does not know as they are used."""
    foreign: dict[str, None] = field(default_factory=dict)
    """Keys that hold something of another software."""

    def by(self, act: Callable[[], object], command: str, keys: str = "") -> str | None:
        """Do something; answers the code if it is refused. Raises what is no answer of Redis."""
        try:
            act()
        except redis.RedisError as error:
            return self.note(error, command, keys)
        return None

    def note(self, error: redis.RedisError, command: str, keys: str) -> str:
        """Note a refusal; answers its code."""
        code = code_of(error)
        if code is None:
            raise error
        if code == RIGHTS:
            self.rights[_right(str(error), command, keys)] = None
        elif code in {COMMAND, "ERR"}:
            self.unknown[command] = None
        elif code == "WRONGTYPE":
            self.foreign[keys] = None
        elif code != ABORTED:  # because of previous errors, which were noted
            self.errors.setdefault(code, error)
        return code

    def findings(self, user: str) -> Iterator[Finding]:
        """All of it, in words; `user` has too few rights."""
        yield from map(Finding.of, self.errors.values())
        if rights := " ".join(self.rights):
            yield Finding(f"does not give its user {user} all rights ({RIGHTS})", f"ACL SETUSER {user} {rights}")
        if self.unknown:
            words = f"does not know these commands as they are used: {', '.join(self.unknown)}"
            yield Finding(words, REFUSALS[COMMAND].resolution)
        if self.foreign:
            words = f"holds data of another software under {', '.join(self.foreign)}"
            yield Finding(words, f"name a database of its own in {URL}")


def _right(text: str, command: str, keys: str) -> str:
    """The right that is missing, as a rule names it."""
    if FORBIDDEN_CHANNEL.search(text):
        return f"&{keys}"
    if FORBIDDEN_KEY.search(text):
        return f"~{keys}"
    named = FORBIDDEN_COMMAND.search(text)
    return f"+{(named.group(1) if named else command).lower()}"
