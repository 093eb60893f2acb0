"""Every command, key and channel that the ledger and the queue need, each with a harmless way to try it.

The ledger's commands are read from its scripts, so that one more script needs no second list. Those of the queue are
what kombu and Celery were seen to use; a test runs everything under a user who has these rights and no others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from worker.jobs.routes import CUSTOMERS, SUBSCRIPTIONS, UPKEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUES: Final = (CUSTOMERS, SUBSCRIPTIONS, UPKEEP)
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
    *("ZADD", "ZREM", "SISMEMBER", "SMEMBERS", "SCARD", "LRANGE", "LLEN", "GET", "SET", "EXPIRE", "TIME"),
)
"""What the ledger uses outside its scripts."""
DIRECT_COMMANDS: Final = (
    *("PING", "SELECT", "EVALSHA", "SCRIPT|EXISTS", "SCRIPT|LOAD", "MULTI", "EXEC", "WATCH", "UNWATCH"),
    *("BRPOP", "PUBLISH", "PSUBSCRIBE", "PUNSUBSCRIBE"),
)
"""What can't be tried in a script, and is tried by doing what the worker does."""

HARMLESS: Final[dict[str, str]] = {
    "DEL": "{t}2",
    "EXISTS": "{t}",
    "EXPIRE": "{t} 60",
    "GET": "{t}",
    "HDEL": "{h} none",
    "HEXISTS": "{h} a",
    "HGET": "{h} a",
    "HGETALL": "{h}",
    "HINCRBY": "{h} n 1",
    "HLEN": "{h}",
    "HMGET": "{h} a",
    "HSCAN": "{h} 0",
    "HSET": "{h} a 1",
    "HSETNX": "{h} a 1",
    "INCR": "{n}",
    "INCRBY": "{n} 1",
    "LLEN": "{l}",
    "LMOVE": "{l} {l} LEFT LEFT",
    "LPOP": "{l}2",
    "LPOS": "{l} a",
    "LPUSH": "{l} a",
    "LRANGE": "{l} 0 1",
    "LREM": "{l} 0 none",
    "LTRIM": "{l} 0 99",
    "MGET": "{t} {n}",
    "PERSIST": "{t}2",
    "PEXPIRE": "{t} 60000",
    "PTTL": "{t}",
    "RPOP": "{l}2",
    "RPUSH": "{l} a",
    "SADD": "{s} a",
    "SCARD": "{s}",
    "SET": "{t} a PX 60000",
    "SISMEMBER": "{s} a",
    "SMEMBERS": "{s}",
    "SMISMEMBER": "{s} a",
    "SREM": "{s} none",
    "SSCAN": "{s} 0",
    "TIME": "",
    "TTL": "{t}",
    "TYPE": "{t}",
    "UNLINK": "{t}2",
    "ZADD": "{z} GT 1 a",
    "ZCARD": "{z}",
    "ZCOUNT": "{z} 0 1",
    "ZINCRBY": "{z} 1 a",
    "ZMSCORE": "{z} a",
    "ZPOPMAX": "{z}2",
    "ZPOPMIN": "{z}2",
    "ZRANGE": "{z} 1 0 BYSCORE REV LIMIT 0 1",
    "ZRANGEBYSCORE": "{z} 0 1",
    "ZRANK": "{z} a",
    "ZREM": "{z} none",
    "ZREMRANGEBYRANK": "{z} 9 9",
    "ZREMRANGEBYSCORE": "{z} 9 9",
    "ZREVRANGE": "{z} 0 1",
    "ZREVRANGEBYSCORE": "{z} 1 0",
    "ZREVRANK": "{z} a",
    "ZSCAN": "{z} 0",
    "ZSCORE": "{z} a",
}
"""Arguments with which a command does no harm to keys of one's own: text, number, hash, list, set and sorted set.

Options are those of Redis 6.2 where kombu or the ledger uses them, so that an older one is found out.
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
    scripts = [each for each in (files(__package__) / "scripts").iterdir() if each.name.endswith(".lua")]
    called = {name.upper() for each in scripts for name in CALL.findall(each.read_text(encoding="utf-8"))}
    return tuple(sorted(called | set(LEDGER_COMMANDS)))


def commands() -> tuple[str, ...]:
    """Every command that is needed, as a rule names it."""
    return tuple(sorted({*ledger_commands(), *QUEUE_COMMANDS, *DIRECT_COMMANDS}))


def keys() -> tuple[str, ...]:
    """The patterns of all keys that are needed."""
    return tuple(dict.fromkeys([LEDGER_KEYS, *(trial.keys for trial in queue_trials("", 0))]))


def channels(db: int) -> tuple[str, ...]:
    """The patterns of all channels that are needed: Celery's events and its remote control."""
    return f"/{db}.celery.pidbox", f"/{db}.celeryev/*", f"/{db}.celeryev/worker.*"


def rule(db: int) -> str:
    """The least rights that a user needs, as they stand in `ACL SETUSER`."""
    names = [f"+{command.lower()}" for command in commands()]
    return " ".join([*(f"~{each}" for each in keys()), *(f"&{each}" for each in channels(db)), *names])


def own_trials(token: str) -> Iterator[Trial]:
    """Each command of ledger and queue on keys of one's own, which are removed in the end."""
    names = {letter: f"stamped-sync:check:{token}:{letter}" for letter in "tnhlsz"}
    # A test says so where a command has no way to be tried: that is no reason for a worker not to start.
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
