"""How many customers a contestant transfers a second from a full queue, and what each of them costs."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.bench.fake_apis import wait_for
from tests.bench.stage import UPDATES, stage
from tests.bench.statistics import ratio

if TYPE_CHECKING:
    from tests.bench.contestants import Contestant
    from tests.bench.fake_apis import FakeApis
    from tests.bench.redis_figures import RedisFigures
    from tests.bench.stage import Stage, Work

Figures = dict[str, float]

START_SECONDS: Final = 60
"""How long a contestant may take until it has transferred the first customers."""
WARM_SECONDS: Final = 0.7
"""How long it runs before it is measured."""
CALLS: Final = {"updates": 2, "creates": 4, "subscriptions": 6}


@dataclass(frozen=True)
class Moment:
    """What had been used at one moment."""

    at: float
    customers: int
    cpu_ms: float
    api_ms: float
    redis: RedisFigures


def throughput(
    apis: FakeApis, contestant: Contestant, work: Work = UPDATES, *, latency_ms: int = 0, seconds: float = 3
) -> Figures:
    """Measure one contestant once. Raises ContestantFailed."""
    with stage(apis, contestant, work, latency_ms=latency_ms) as made:
        found: Figures = {"load": os.getloadavg()[0]}
        jobs = needed(contestant, work, latency_ms, seconds)
        if contestant.has_queue:
            made.ask(jobs)
        found["start_seconds"] = start(made)
        began = moment(made)
        until = began.at + seconds
        while (left := until - time.monotonic()) > 0 and apis.totals().customers < jobs:
            time.sleep(min(left, 0.05))
        ended = moment(made)
        return found | between(began, ended, contestant) | {"memory_mb": made.crew.memory_mb()}


def needed(contestant: Contestant, work: Work, latency_ms: int, seconds: float) -> int:
    """More jobs than can be done in the time."""
    rate = contestant.most_a_second * 2 / CALLS[work.name]
    if latency_ms:
        rate = min(rate, 1.1 * contestant.threads * 1000 / (CALLS[work.name] * latency_ms))
    return int(rate * (seconds + WARM_SECONDS + 0.5)) + 2 * contestant.threads


def start(made: Stage) -> float:
    """Start the workers, and wait until they are warm; the seconds until the first customer was transferred."""
    began = time.monotonic()
    made.start()
    while not wait_for(made.apis, 1, 0.5).customers:
        if not made.crew.is_running or time.monotonic() > began + START_SECONDS:
            raise made.failed("transfers nothing")
    first = time.monotonic() - began
    time.sleep(WARM_SECONDS)
    return first


def moment(made: Stage) -> Moment:
    """What has been used until now."""
    customers, at = made.apis.totals().customers, time.monotonic()
    return Moment(at, customers, made.crew.cpu_ms(), made.apis.cpu_ms(), made.redis())


def between(began: Moment, ended: Moment, contestant: Contestant) -> Figures:
    """What was done and used between two moments, for each customer."""
    seconds, done = ended.at - began.at, ended.customers - began.customers
    used = ended.redis - began.redis
    found = {
        "per_second": done / seconds,
        "cpu_ms": ratio(ended.cpu_ms - began.cpu_ms, done),
        "api_share": (ended.api_ms - began.api_ms) / seconds / 1000,
    }
    if contestant.has_queue:
        found |= {
            "redis_ms": ratio(used.cpu_ms, done),
            "trips": ratio(used.trips, done),
            "commands": ratio(used.commands, done),
        }
    return found
