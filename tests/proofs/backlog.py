"""Backlog: what the sweeper sends while 100,000 jobs of one store wait."""

from __future__ import annotations

import contextlib
import json
from ast import literal_eval
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis

from tests import parts
from tests.conftest import VIRTUAL_CLOCK
from tests.integration.jobs import CALLS
from tests.proofs.processes import worker
from tests.proofs.result import Result
from tests.proofs.stage import Stage, customers, stage
from tests.proofs.truth import person
from worker.jobs.errors import StampedCredentialsRefused
from worker.jobs.job import Job, Kind
from worker.jobs.retries import Pause
from worker.jobs.routes import CUSTOMERS, UPKEEP
from worker.ledger import ClaimRefused, Ledger, Limit, StoreLimits
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_EXTRA = 0.01
SWEEP_SECONDS = 5
HOUR_SECONDS = 3600
STORES = {parts.SYSTEM: StoreLimits(concurrent=10, stamped=Limit(500, 60))}
REFUSED = StampedCredentialsRefused().failure
TERMS = "throttle = { limit = 200, seconds = 2, concurrent = 10 }"


@dataclass
class Sent:
    """The messages of a while, and the jobs that they were for."""

    messages: int = 0
    jobs: int = 0
    sweeps: int = 0

    @property
    def extra(self) -> float:
        """The part of the messages that no job needed."""
        return (self.messages - self.jobs) / max(self.jobs, 1)

    def __str__(self) -> str:
        return f"{self.sweeps} sweeps, {self.messages:,} messages for {self.jobs:,} jobs, extra {self.extra:.2%}"


def prove(folder: Path, *, count: int = 100_000, hour_seconds: int = HOUR_SECONDS, real_sweeps: int = 200) -> Result:
    """Count the messages: of an hour of moved clock, three ways, and of real processes, sweeping ten times a second."""
    result = Result(f"Backlog of {count:,} jobs of one store")
    ways = {
        "throttled, an hour": at_work,
        "held, an hour": nobody,
        "workers away, an hour": nobody,
    }
    for name, work in ways.items():
        sent = hour(count, hour_seconds, work, is_held=name.startswith("held"))
        note(result, name, sent)
    note(result, "throttled, real processes", real(folder, count, real_sweeps))
    return result


def note(result: Result, name: str, sent: Sent) -> None:
    """Put the figures into the report."""
    result.say(f"{name:<26} {sent}")
    result.must(sent.extra <= MOST_EXTRA, f"{name}: {sent.extra:.2%} extra messages")


# An hour of moved clock ----------------------------------------------------------------------------------------------


class Hour:
    """The real ledger on a real Valkey, whose clock is moved."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.sent = Sent()
        self.started: set[str] = set()
        self.client.set("virtual-clock", 1_800_000_000_000)
        self.ledger = Ledger(client, stores=STORES, replaced={"_clock": VIRTUAL_CLOCK})

    def sweep(self) -> None:
        """Let five seconds pass, and sweep."""
        self.client.incrby("virtual-clock", SWEEP_SECONDS * 1000)
        for kind in Kind:
            self.ledger.sweep(kind)
        self.ledger.admit(parts.SYSTEM)
        self.sent.sweeps += 1

    def take(self) -> Job | None:
        """Take a message off the queue."""
        message: Any = self.client.rpop(CUSTOMERS)
        if message is None:
            return None
        _, customer_id = literal_eval(json.loads(message)["headers"]["argsrepr"])
        self.sent.messages += 1
        self.started.add(customer_id)
        return Job(Kind.CUSTOMER, parts.SYSTEM, customer_id)

    def take_rest(self) -> None:
        """Take all that is left on the queue, when the hour is over."""
        while self.take():
            pass


def hour(count: int, seconds: int, work: Callable[[Hour], None], *, is_held: bool) -> Sent:
    """Let an hour pass over a backlog."""
    with parts.valkey() as url, redis.Redis.from_url(url, decode_responses=True) as client:
        made = Hour(client)
        jobs = customers(count)
        for start in range(0, count, 1000):
            made.ledger.request_all(jobs[start : start + 1000])
        if is_held:
            hold(made)
        for _ in range(0, seconds, SWEEP_SECONDS):
            made.sweep()
            work(made)
        made.take_rest()
        made.sent.jobs = len(made.started)
        return made.sent


def hold(made: Hour) -> None:
    """Hold the store for longer than the hour, and let the other jobs that were sent come back to it."""
    pause = Pause(seconds=2 * HOUR_SECONDS, longest_seconds=2 * HOUR_SECONDS)
    while job := made.take():
        with contextlib.suppress(ClaimRefused):
            made.ledger.hold(made.ledger.claim(job), CALLS, REFUSED, pause)


def at_work(made: Hour) -> None:
    """Run every job whose message there is."""
    while job := made.take():
        try:
            claim = made.ledger.claim(job)
        except ClaimRefused:
            continue
        made.ledger.complete(claim, CALLS, "created", "1")


def nobody(_: Hour) -> None:
    """Take no message."""


# Real processes ------------------------------------------------------------------------------------------------------


def real(folder: Path, count: int, sweeps: int) -> Sent:
    """Sweep with a real worker that works through a throttle."""
    sandbox = Sandbox([person(number) for number in range(1, 100 * sweeps + 1)])
    with stage(folder, sandbox, terms=TERMS, STAMPED_SYNC_SWEEP_SECONDS="1") as made:
        made.request(customers(count))
        with worker(made.env, folder, "worker").running():
            for _ in range(sweeps):
                made.celery.send_task("stamped.sweep", queue=UPKEEP)
                pause_until_swept(made)
            return Sent(published(made) - sweeps, started(made), sweeps)


def pause_until_swept(made: Stage) -> None:
    """Wait until the sweep was taken, and a tenth of a second of work is done."""
    parts.eventually(lambda: made.server.client.llen(UPKEEP) == 0)
    done = made.ledger.counts(Kind.CUSTOMER).done
    parts.eventually(lambda: made.ledger.counts(Kind.CUSTOMER).done >= done + 10)


def published(made: Stage) -> int:
    """How many messages were put onto the queues: nothing else of ours pushes to lists."""
    return int(made.server.client.info("commandstats")["cmdstat_lpush"]["calls"])


def started(made: Stage) -> int:
    """How many jobs had a message."""
    counts = made.ledger.counts(Kind.CUSTOMER)
    return counts.done + counts.running + counts.sent
