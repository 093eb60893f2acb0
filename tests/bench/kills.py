"""SIGKILL in the middle: how many customers are lost, and how many are written twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.bench.stage import UPDATES, stage

if TYPE_CHECKING:
    from tests.bench.contestants import Contestant
    from tests.bench.fake_apis import FakeApis, Line
    from tests.bench.stage import Stage
    from tests.bench.throughput import Figures

CUSTOMERS, KILLS = 600, 5
LATENCY_MS: Final = 20
"""So that each kill meets as many jobs under way as there are threads."""
PATIENCE_SECONDS: Final = 75
"""After this long without a customer, those that are missing count as lost. Whoever gives back what a killed worker had
is set to do so within 15 seconds, as far as it can be set; SAQ looks for it once a minute at most."""
NEW_SECONDS: Final = 3
QUICK_RECOVERY: Final = {
    "STAMPED_SYNC_LEASE_SECONDS": "6",
    "STAMPED_SYNC_CONNECT_TIMEOUT_SECONDS": "1",
    "STAMPED_SYNC_READ_TIMEOUT_SECONDS": "2",
    "STAMPED_SYNC_LOST_AFTER_SECONDS": "5",
    "STAMPED_SYNC_SWEEP_SECONDS": "1",
}
"""This worker's own settings for that; by default others wait 45 seconds for a killed worker's jobs."""


def kills(apis: FakeApis, contestant: Contestant) -> Figures:
    """Kill every process of a contestant five times while it works, start it anew each time, and count."""
    with stage(apis, contestant, UPDATES, latency_ms=LATENCY_MS, settings=QUICK_RECOVERY) as made:
        if contestant.has_queue:
            made.ask(CUSTOMERS)
        began = time.monotonic()
        for kill in range(1, KILLS + 1):
            made.start()
            wait(made, kill * CUSTOMERS // (KILLS + 1))
            made.crew.kill()
        made.start()
        wait(made, CUSTOMERS)
        lines = apis.log(CUSTOMERS)
    done_ns = max(line.last_ns for line in lines)
    return counted(lines) | {"seconds": done_ns / 1e9 - began}


def wait(made: Stage, customers: int) -> None:
    """Wait until as many are transferred, or nobody was for a long time; new ones come meanwhile, as in real life.

    Some peers look for what a killed worker had only when something new comes.
    """
    seen, since, asked = -1, time.monotonic(), time.monotonic()
    while time.monotonic() < since + PATIENCE_SECONDS:
        done = sum(line.ends > 0 for line in made.apis.log(CUSTOMERS))
        if done >= customers:
            return
        if done != seen:
            seen, since = done, time.monotonic()
        if made.contestant.has_queue and time.monotonic() > max(since, asked) + NEW_SECONDS:
            made.ask(1, "--behind", str(CUSTOMERS))
            asked = time.monotonic()
        time.sleep(0.02)


def counted(lines: list[Line]) -> Figures:
    """How many customers were never written, and how many more than once."""
    return {
        "jobs": len(lines),
        "kills": KILLS,
        "lost": sum(line.ends == 0 for line in lines),
        "doubled": sum(line.writes > 1 for line in lines),
    }
