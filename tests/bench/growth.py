"""How this worker's costs grow: with the jobs that wait, and with the connections that there are."""

from __future__ import annotations

import time
import urllib.request
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Final

from tests.bench import scripts
from tests.bench.commands import run
from tests.bench.contestants import BIN, OURS
from tests.bench.processes import Crew
from tests.bench.stage import UPDATES, ContestantFailed, stage
from tests.bench.throughput import between, moment, start
from worker.local.ports import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.fake_apis import FakeApis
    from tests.bench.stage import Stage
    from tests.bench.throughput import Figures

WAITING: Final = (1_000, 10_000, 100_000, 1_000_000)
STORES: Final = (1, 10, 100, 1_000)
BUSY_SECONDS: Final = 3
IDLE_SECONDS: Final = 5
JOBS: Final = 4_000
"""How many jobs wait at first in the stores, for any number of them."""
READS: Final = 7
OFTEN_SWEPT: Final = {"STAMPED_SYNC_SWEEP_SECONDS": "1"}
"""So that there are enough sweeps for a median."""
FLOWER_SECONDS: Final = 60


def waiting(apis: FakeApis, jobs: int) -> Figures:
    """The costs while that many jobs wait: of an update, of each script, of `status` and of Activity."""
    with stage(apis, OURS, UPDATES, settings=OFTEN_SWEPT) as made:
        # The worker takes some of them: there must be as many behind them as are measured.
        made.ask(jobs + JOBS)
        found = shown(made)
        start(made)
        with scripts.timed(made.client) as times:
            found |= busy(made)
        return found | {f"script {name}": milliseconds for name, milliseconds in times.items()}


def stores(apis: FakeApis, count: int) -> Figures:
    """The costs with that many connections: of an update, of `status` and Activity, and of a worker without work."""
    with stage(apis, OURS, UPDATES, stores=count) as made:
        made.ask(JOBS)
        found = shown(made)
        start(made)
        found |= busy(made)
        made.crew.kill()
    with stage(apis, OURS, UPDATES, stores=count) as made:
        made.ask(count)
        start(made)
        while apis.totals().customers < count:
            time.sleep(0.1)
        return found | idle(made)


def busy(made: Stage) -> Figures:
    """What an update costs while there is work."""
    began = moment(made)
    time.sleep(BUSY_SECONDS)
    ended = moment(made)
    if ended.customers == began.customers:
        raise made.failed("transfers nothing")
    return between(began, ended, made.contestant)


def idle(made: Stage) -> Figures:
    """What a worker costs that has nothing to do."""
    time.sleep(2)
    began, cpu_ms, at = made.redis(), made.crew.cpu_ms(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    seconds, used = time.monotonic() - at, made.redis() - began
    return {
        "idle_cpu_percent": (made.crew.cpu_ms() - cpu_ms) / seconds / 10,
        "idle_redis_percent": used.cpu_ms / seconds / 10,
        "idle_trips": used.trips / seconds,
        "idle_commands": used.commands / seconds,
    }


def shown(made: Stage) -> Figures:
    """How long `status` and Activity take."""
    run(made, "status")
    status = run(made, "status")
    with flower(made) as url:
        reads = [_read(f"{url}/activity") for _ in range(READS)]
    return {"status_seconds": status["seconds"], "activity_ms": median(reads) * 1000}


def _read(url: str) -> float:
    began = time.monotonic()
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - Flower of this machine
        answer.read()
    return time.monotonic() - began


@contextmanager
def flower(made: Stage) -> Iterator[str]:
    """A Flower that answers; its URL."""
    port, crew = free_port(), Crew()
    options = (f"--address={HOST}", f"--port={port}")
    try:
        crew.start(
            [str(BIN / "celery"), "-A", "worker.app", "flower", *options],
            made.env,
            made.folder,
            made.folder / "flower.log",
        )
        until = time.monotonic() + FLOWER_SECONDS
        while not _answers(f"http://{HOST}:{port}/healthcheck"):
            if time.monotonic() > until or not crew.is_running:
                raise ContestantFailed((made.folder / "flower.log").read_text("utf-8"))
            time.sleep(0.1)
        yield f"http://{HOST}:{port}"
    finally:
        crew.kill()


def _answers(url: str) -> bool:
    try:
        return _read(url) > 0
    except OSError:
        return False
