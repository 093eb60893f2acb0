"""Measures the pages on a ledger of a million jobs and a million events: `python -m tests.million [JOBS [EVENTS]]`.

It fills a Valkey of its own with what the scripts would have written, with a hundred connections, serves Flower in this
process and prints how long each page took, and the command that Valkey was busy with for longest.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode

import redis

from tests import parts
from tests.events_fill import fill_events
from tests.integration.monitor_stage import serving
from worker.app import app
from worker.config.settings import Settings
from worker.jobs.catalogue import Failure
from worker.jobs.job import Kind, State
from worker.ledger.keys import PREFIX
from worker.ledger.views.places import JobPlace
from worker.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.monitor_stage import Monitor

JOBS = 1_000_000
SYSTEMS = (parts.SYSTEM, parts.SYSTEM + 1)
BATCH = 5_000
REPEATS = 7
DAY_MS = 24 * 60 * 60 * 1000
CODES = ("email-missing", "customer-write-failed", "customer-not-found", "subscription-failed", "stamped-unreachable")
STATES = {State.DONE: 0.6, State.QUEUED: 0.2, State.FAILED: 0.15, State.WAITING: 0.049, State.RUNNING: 0.001}
FAILURES = {code: Failure(code, 422, "Name is too long for this store") for code in CODES}
EVENTS: Final = 1_000_000
STORES: Final = [parts.SYSTEM + number for number in range(100)]
GUID: Final = "6f0c2b6e-0000-4000-8000-{:012x}"
"""Of an event, as `fill_events` makes it."""


@dataclass(frozen=True)
class Filled:
    """One job as it is written down."""

    kind: Kind
    system_id: int
    customer_id: int
    state: State
    changed_at: int
    code: str

    @property
    def member(self) -> str:
        """Its name in an index."""
        return f"{self.system_id}:{self.customer_id}"

    @property
    def score(self) -> int:
        """Half of the queued jobs are debug jobs, which share one place: the front."""
        return 0 if self.state is State.QUEUED and self.customer_id % 2 else self.changed_at

    def indexes(self) -> Iterator[tuple[str, int]]:
        """The lists that it is in."""
        yield f"{self.state}:{self.kind}:{self.system_id}", self.score
        yield f"recent:{self.kind}:{self.system_id}", self.changed_at
        if self.state is State.FAILED:
            yield f"code:{self.kind}:{self.system_id}:{self.code}", self.changed_at

    def fields(self) -> dict[Any, Any]:
        """Its hash."""
        always: dict[Any, Any] = {
            "wanted": 1,
            "settled": int(self.state in {State.DONE, State.FAILED}),
            "state": self.state,
            "changed_at": self.changed_at,
            "requested_at": self.changed_at - 1000,
            "tracking_guid": "6f0c2b6e-0000-4000-8000-000000000000",
        }
        if self.state is State.DONE:
            return always | {"action": "updated", "stamped_id": 140_000_000 + self.customer_id}
        if self.state in {State.FAILED, State.WAITING}:
            return always | {"attempt": 1, "error": json.dumps(asdict(FAILURES[self.code]))}
        return always


def jobs(count: int) -> Iterator[Filled]:
    """Made-up jobs of the last week, always the same."""
    chance, now = random.Random(4021), int(time.time() * 1000)  # noqa: S311 - nothing is to be kept secret
    for number in range(count):
        kind = Kind.SUBSCRIPTION if number % 5 == 0 else Kind.CUSTOMER
        state = chance.choices(list(STATES), list(STATES.values()))[0]
        changed_at = now - chance.randrange(7 * DAY_MS)
        yield Filled(kind, SYSTEMS[number % 10 == 1], 100_000 + number, state, changed_at, chance.choice(CODES))


def fill(client: redis.Redis, count: int) -> None:
    """Write the jobs down."""
    batch: list[Filled] = []
    for job in jobs(count):
        batch.append(job)
        if len(batch) == BATCH:
            write(client, batch)
            batch = []
    write(client, batch)


def write(client: redis.Redis, batch: list[Filled]) -> None:
    """Write some of them down in one round trip."""
    pipeline, indexes = client.pipeline(transaction=False), defaultdict[str, dict[str, int]](dict)
    for job in batch:
        pipeline.hset(f"{PREFIX}job:{job.kind}:{job.member}", mapping=job.fields())
        for name, score in job.indexes():
            indexes[name][job.member] = score
    for name, members in indexes.items():
        pipeline.zadd(PREFIX + name, members)
        _, _, code = name.partition("code:")
        if code:
            kind, system_id, code = code.split(":")
            pipeline.sadd(f"{PREFIX}codes:{kind}", f"{system_id}:{code}")
    pipeline.sadd(f"{PREFIX}systems", *SYSTEMS)
    pipeline.execute()


def deep(monitor: Monitor, path: str, pages: int) -> str:
    """The address of a page that many pages come before."""
    for _ in range(pages):
        following = monitor.get(path).text.rpartition('rel="next" href="')[2].partition('"')[0]
        path = path.partition("?")[0] + following.replace("&amp;", "&")
    return path


def measure(monitor: Monitor, client: redis.Redis, name: str, path: str) -> None:
    """Print how long a page takes."""
    client.slowlog_reset()
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        answer = monitor.get(path)
        took.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
    logged: Any = client.slowlog_get(10_000)
    commands = [each for each in logged if not each["command"].startswith(b"SLOWLOG")]
    longest: Any = max(commands, key=lambda each: each["duration"], default={"duration": 0, "command": b"none"})
    busy = f"{longest['duration'] / 1000:.2f} ms {longest['command'].decode()[:60]}"
    print(f"{name:28} {median(took) * 1000:6.0f} ms  at most {max(took) * 1000:6.0f} ms   {busy}")  # noqa: T201


def place(client: redis.Redis, index: str) -> JobPlace:
    """A place in the first third of a list."""
    size: Any = client.zcard(PREFIX + index)
    rank = size // 3
    found = cast("list[tuple[bytes, float]]", client.zrange(PREFIX + index, rank, rank, withscores=True))
    member, score = found[0]
    return JobPlace(score, Kind.CUSTOMER, member.decode())


def pages(monitor: Monitor, client: redis.Redis) -> Iterator[tuple[str, str]]:
    """The pages that are measured, by what they are."""
    someone = next(job for job in jobs(1000) if job.state is State.FAILED)
    middle, tied = (place(client, f"{index}:customer:{SYSTEMS[0]}") for index in ("recent", State.QUEUED))
    yield "all", "/activity"
    yield "all, page 20", deep(monitor, "/activity", 19)
    yield "all, in the middle", f"/activity?begins={middle}"
    for state in State:
        yield state, f"/activity?state={state}"
    yield "queued, of one place", f"/activity?state=queued&begins={tied}"
    yield "by code", "/activity?code=email-missing"
    yield "by code and connection", f"/activity?code=email-missing&system={SYSTEMS[1]}&kind=customer"
    yield "by customer", f"/activity?customer={someone.customer_id}"
    yield "by time", "/activity?since=2020-01-01&until=2100-01-01"
    yield "counts", "/activity/counts"
    yield "a job", f"/activity/{someone.kind}/{someone.system_id}/{someone.customer_id}"
    yield "Error Logs", "/error-logs"
    yield "a group of Error Logs", f"/error-logs/customer/{SYSTEMS[0]}/email-missing"
    yield "Connections", "/connections"
    yield "events", "/activity/events"
    yield "events, page 20", deep(monitor, "/activity/events", 19)
    yield "events of a customer", "/activity/events?customer=150713"
    yield "events of a connection", f"/activity/events?system={STORES[50]}"
    yield "events by code", "/activity/events?code=email-missing"
    yield "events that are rare", f"/activity/events?source=re-run&outcome=failed&system={STORES[50]}"
    yield "events by tracking id", f"/activity/events?tracking={GUID.format(12345)}"
    yield "events by Stamped.io id", "/activity/events?stamped=140150713"
    yield "events of none", "/activity/events?outcome=paused"
    yield "events of an hour", "/activity/events?" + urlencode(an_hour())
    yield "events of seven days", "/activity/events?since=" + f"{datetime.now(UTC) - timedelta(days=7):%Y-%m-%d}"
    yield "Manual Sync", "/manual-sync"
    yield "metrics", "/metrics"


def an_hour() -> dict[str, str]:
    """An hour of the day before yesterday, as a filter."""
    until = datetime.now(UTC) - timedelta(days=2)
    return {"since": f"{until - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}", "until": f"{until:%Y-%m-%dT%H:%M:%S}"}


def main(count: int, events: int) -> None:
    """Fill, serve, measure."""
    with parts.valkey() as url, tempfile.TemporaryDirectory() as folder, redis.Redis.from_url(url) as client:
        began = time.perf_counter()
        fill(client, count)
        fill_events(client, events, STORES)
        memory: Any = client.info("memory")
        written = f"{count:,} jobs and {events:,} events written in {time.perf_counter() - began:.0f} s"
        print(f"{written}, {memory['used_memory_human']}")  # noqa: T201
        client.config_set("slowlog-log-slower-than", 0)
        client.config_set("slowlog-max-len", 10_000)
        other = "".join(parts.connection("http://127.0.0.1:9", system_id=each) for each in STORES[1:])
        connections = parts.write_connections(Path(folder), "http://127.0.0.1:9", more=other)
        app.__dict__["runtime"] = Runtime.build(Settings(redis_url=url, connections=connections))
        with serving() as monitor:
            for name, path in list(pages(monitor, client)):
                measure(monitor, client, name, path)


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:3]]
    main(*(given + [JOBS, EVENTS][len(given) :]))
