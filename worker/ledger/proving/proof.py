"""Proves that a Redis can hold the ledger and the queue, by doing what they do; all that can be found at once.

A missing right can hide others: whether a user may use a key shows only once it may run the command.

What is done is undone in the same step, so that it can be proved on a Redis at work. What Redis says of itself is asked
too, for the faults that would show only once it is full or restarted: jobs that it evicts, or keeps on no disk.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import redis

from worker.config.faults import ConfigurationError, Fault
from worker.jobs.routes import QUEUES
from worker.ledger.connection import NONSENSE, connect
from worker.ledger.proving.trials import LEDGER_KEYS, Finding, Gathering, Trial, channels, own_trials, queue_trials
from worker.ledger.redis_errors import CLUSTER, DISK, FULL, NO_SCRIPT, REFUSALS, RIGHTS, code_of
from worker.ledger.scripting import source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.config.redis_url import RedisUrl

OLDEST: Final = (6, 2)
"""The least version: ZRANGE by score in reverse, and ZADD GT, came with it."""
NEARLY_FULL: Final = 0.9
"""The part of maxmemory from which on it is said."""
GO_ON: Final = ("CLUSTERDOWN", "MASTERDOWN", DISK, RIGHTS)
"""Refusals of a ping behind which more can be found out."""
SHOWN_BY: Final = {FULL: ("used_memory",), DISK: ("rdb_last_bgsave_status", "aof_last_write_status")}
"""What INFO would say once more of something that was refused."""
POLICY: Final = "maxmemory-policy"
NOEVICTION: Final = f"set {POLICY} noeviction"
BLOCK_SECONDS: Final = "0.01"
ANSWER_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Proof:
    """What a Redis is, and everything about it that is not as it must be."""

    server: str
    """Its make and version; empty if it does not say."""
    findings: tuple[Finding, ...]
    is_away: bool = False
    """Whether no Redis answered; then that is the one finding."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Without these put right, no job runs, or accepted jobs are lost."""
        return tuple(each for each in self.findings if each.is_error)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What costs jobs one day, or could not be proved."""
        return tuple(each for each in self.findings if not each.is_error)

    @property
    def refusing(self) -> tuple[Finding, ...]:
        """The errors with which no job runs."""
        return tuple(each for each in self.errors if not each.works)

    @property
    def losing(self) -> tuple[Finding, ...]:
        """The errors with which jobs run, and are lost one day."""
        return tuple(each for each in self.errors if each.works)

    @property
    def unfit(self) -> tuple[Finding, ...]:
        """The errors that do not pass by themselves: somebody must change the configuration."""
        return tuple(each for each in self.errors if not each.passes)


def prove(url: RedisUrl) -> Proof:
    """Prove the Redis at a URL; a Redis that is away is a finding too."""
    client = connect(url, guarded=True)
    try:
        return _proof(client)
    except redis.RedisError as error:
        if code_of(error) == RIGHTS:  # as for SELECT
            refused = Gathering()
            refused.note(error, "SELECT", "")
            return Proof("", tuple(refused.findings(url.username or "default")))
        return Proof("", (Finding.of(error),), is_away=code_of(error) is None)
    finally:
        client.close()


def refuse_unfit(url: RedisUrl, proof: Proof | None = None) -> Proof:
    """What a Redis is. Raises ConfigurationError if it can't be used until somebody changes it."""
    proof = proof or prove(url)
    if unfit := proof.unfit:
        raise ConfigurationError(Fault("Redis", url.shown, str(each)) for each in unfit)
    return proof


def _proof(client: redis.Redis) -> Proof:
    refused = Gathering()
    if (code := refused.by(client.ping, "PING")) and code not in GO_ON:
        return Proof("", tuple(refused.findings("")))
    facts, user = _facts(client), _user(client)
    _try_everything(client, refused)
    for code, fields in SHOWN_BY.items():
        if code in refused.errors:
            facts = {name: value for name, value in facts.items() if name not in fields}
    # What was refused and what Redis says of itself are often the same: of both, what was refused.
    findings = {each.subject: each for each in (*_looked_at(facts), *refused.findings(user))}
    return Proof(_server(facts), tuple(sorted(findings.values(), key=lambda each: not each.is_error)))


# By doing ------------------------------------------------------------------------------------------------------------


def _try_everything(client: redis.Redis, refused: Gathering) -> None:
    token = uuid.uuid4().hex
    own = list(own_trials(token))
    if not _try_in_script(client, [*queue_trials(token, time.time()), *own], refused):
        _try_alone(client, own, refused)
    _try_channels(client, refused)
    _try_transaction(client, f"stamped-sync:check:{token}", refused)


def _try_in_script(client: redis.Redis, trials: list[Trial], refused: Gathering) -> bool:
    """Try all in one step; False if no script can be run."""
    script = client.register_script(source("prove"))
    refused.by(lambda: client.script_exists(script.sha), "SCRIPT|EXISTS")
    refused.by(lambda: client.script_load(script.script), "SCRIPT|LOAD")
    try:
        answers: Any = client.evalsha(script.sha, 0, json.dumps([each.commands for each in trials]))
    except redis.RedisError as error:
        if code_of(error) != NO_SCRIPT:  # else it was not loaded, which was noted
            refused.note(error, "EVALSHA", "")
        return False
    for place, step, text in answers:
        trial = trials[int(place) - 1]
        refused.note(redis.ResponseError(text), trial.commands[int(step) - 1][0], trial.keys)
    return True


def _try_alone(client: redis.Redis, trials: list[Trial], refused: Gathering) -> None:
    """Try each command on keys of our own alone: elsewhere, others would see between doing and undoing."""
    _send(client, [(command, trial.keys) for trial in trials for command in trial.commands], refused)


def _try_transaction(client: redis.Redis, key: str, refused: Gathering) -> None:
    """Try what no script can: keys that a cluster keeps apart, and a transaction, in which BRPOP does not wait."""
    refused.by(lambda: client.exists(*QUEUES), "EXISTS", f"{QUEUES[0]}*")
    done = ("MULTI",), ("RPUSH", key, ""), ("BRPOP", key, BLOCK_SECONDS), ("DEL", key), ("EXEC",)
    commands = ("WATCH", key), ("UNWATCH",), *done
    _send(client, [(command, LEDGER_KEYS) for command in commands], refused)


def _send(client: redis.Redis, commands: Sequence[tuple[tuple[str, ...], str]], refused: Gathering) -> None:
    """Send commands as they are in one round trip, over a connection that nobody uses afterwards."""
    connection: Any = client.connection_pool.get_connection()
    try:
        connection.send_packed_command(connection.pack_commands([command for command, _ in commands]))
        for command, keys in commands:
            refused.by(connection.read_response, command[0], keys)
    finally:
        connection.disconnect()
        client.connection_pool.release(connection)


def _try_channels(client: redis.Redis, refused: Gathering) -> None:
    """Publish nothing, which Celery ignores, and subscribe, as workers and Flower do."""
    with client.pubsub() as subscription:  # type: ignore[no-untyped-call]
        for channel in channels(_database(client)):
            named = channel.replace("*", "check")
            refused.by(lambda: client.publish(named, ""), "PUBLISH", channel)  # noqa: B023 - at once
            refused.by(lambda: _subscribe(subscription, channel), "PSUBSCRIBE", channel)  # noqa: B023 - as above


def _database(client: redis.Redis) -> int:
    return int(client.connection_pool.connection_kwargs["db"])


def _subscribe(subscription: Any, channel: str) -> None:
    for act in (subscription.psubscribe, subscription.punsubscribe):
        act(channel)
        if subscription.parse_response(timeout=ANSWER_SECONDS) is None:
            raise redis.TimeoutError


def _user(client: redis.Redis) -> str:
    try:
        return str(client.acl_whoami())
    except redis.RedisError:
        return client.connection_pool.connection_kwargs.get("username") or "default"


# By what Redis says of itself ----------------------------------------------------------------------------------------


def _facts(client: redis.Redis) -> dict[str, Any]:
    """What INFO and CONFIG say; managed services rename or forbid them, and old ones know other fields."""
    facts = _asked(client.info)
    for name in (POLICY, "save", "appendonly"):
        facts |= _asked(lambda: client.config_get(name))  # noqa: B023 - at once
    return facts


def _asked(ask: Callable[[], Any]) -> dict[str, Any]:
    try:
        return dict(ask())
    except redis.RedisError as error:
        if code_of(error) is None:
            raise
        return {}
    except NONSENSE as error:  # no mapping
        raise redis.InvalidResponse(type(error).__name__) from error


def _server(facts: dict[str, Any]) -> str:
    if version := facts.get("valkey_version"):
        return f"Valkey {version}"
    return f"Redis {facts['redis_version']}" if "redis_version" in facts else ""


def _looked_at(facts: dict[str, Any]) -> Iterator[Finding]:
    if "redis_version" not in facts:
        yield Finding(
            "does not let its INFO be read: cluster mode, eviction and persistence can't be proved",
            f"allow +info, or make sure of them yourself: {NOEVICTION}, appendonly yes, cluster mode off",
            is_error=False,
        )
        return
    yield from _about_version(str(facts["redis_version"]))
    if facts.get("cluster_enabled"):
        yield Finding.known(CLUSTER)
    if facts.get("role") == "slave":
        yield Finding.known("READONLY")
    yield from _about_eviction(facts)
    yield from _about_memory(facts)
    yield from _about_persistence(facts)


def _about_version(version: str) -> Iterator[Finding]:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers and numbers < OLDEST:
        yield Finding(f"is version {version}", REFUSALS["NOPROTO"].resolution)


def _about_eviction(facts: dict[str, Any]) -> Iterator[Finding]:
    policy = facts.get(POLICY) or facts.get("maxmemory_policy")
    if policy is None:
        yield Finding("does not say whether it evicts jobs when it is full", NOEVICTION, is_error=False)
    elif str(policy).startswith("allkeys"):
        # Without a limit it is never full: nothing is lost as long as nobody sets one.
        is_limited = facts.get("maxmemory", 1) != 0
        words = f"evicts accepted jobs when it is full ({POLICY} {policy})"
        yield Finding(words, NOEVICTION, is_error=is_limited, works=True)
    elif str(policy).startswith("volatile"):
        # No job expires, so all stay; the keys that do are those of batches and of whom an initialize has met.
        words = f"forgets Manual Sync's batches and whom an initialize has met when it is full ({POLICY} {policy})"
        yield Finding(words, f"{NOEVICTION}, or customers may be asked for twice", is_error=False)


def _about_memory(facts: dict[str, Any]) -> Iterator[Finding]:
    used, limit = facts.get("used_memory", 0), facts.get("maxmemory", 0)
    if limit and used >= NEARLY_FULL * limit:
        yield Finding(f"has used {used / limit:.0%} of its maxmemory", REFUSALS["OOM"].resolution, is_error=False)


def _about_persistence(facts: dict[str, Any]) -> Iterator[Finding]:
    """Only the append-only file keeps what was accepted a moment ago."""
    fix = "set appendonly yes"
    if "err" in {facts.get("rdb_last_bgsave_status"), facts.get("aof_last_write_status")}:
        yield Finding(
            "could not write its data to its disk the last time", REFUSALS["MISCONF"].resolution, is_error=False
        )
    if facts.get("aof_enabled") or facts.get("appendonly") == "yes":
        return
    if "save" not in facts:
        yield Finding("does not say whether it saves its data, and writes no append-only file", fix, is_error=False)
    elif facts["save"]:
        yield Finding("saves its data only now and then: a crash loses the jobs since", fix, is_error=False)
    else:
        yield Finding("keeps its data in memory alone: a restart loses every job", fix, is_error=False)
