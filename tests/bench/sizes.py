"""How many bytes of Redis a job takes while it waits, and after it has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.bench.fake_apis import FakeApis, wait_for
from tests.bench.stage import UPDATES, stage

if TYPE_CHECKING:
    from tests.bench.contestants import Contestant
    from tests.bench.stage import Stage
    from tests.bench.throughput import Figures

JOBS, QUICK_JOBS = 10_000, 2_000
FIRST_JOBS: Final = 300
"""Jobs that are done before the others are measured, so that nothing counts that Redis needs once."""
PATIENCE_SECONDS: Final = 600
SETTLE_SECONDS: Final = 1
"""How long the workers are given to note the end of the last jobs."""


def sizes(apis: FakeApis, contestant: Contestant, jobs: int) -> Figures:
    """Measure Redis' memory before some jobs are asked for, while they wait, and once they have ended."""
    with stage(apis, contestant, UPDATES) as made:
        made.ask(FIRST_JOBS)
        work(made, FIRST_JOBS)
        before = made.redis().memory_bytes
        made.ask(jobs, "--behind", str(FIRST_JOBS))
        waiting = made.redis().memory_bytes
        work(made, FIRST_JOBS + jobs)
        finished = made.redis().memory_bytes
    return {"waiting_bytes": (waiting - before) / jobs, "finished_bytes": (finished - before) / jobs}


def work(made: Stage, customers: int) -> None:
    """Let workers do everything that waits, and end."""
    made.start()
    if wait_for(made.apis, customers, PATIENCE_SECONDS).customers < customers:
        raise made.failed(f"did not transfer {customers} customers in {PATIENCE_SECONDS} s")
    time.sleep(SETTLE_SECONDS)
    made.crew.kill()
