"""How long it takes from a trigger until its customer is in Stamped.io: at half load, and in a burst."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.bench.fake_apis import wait_for
from tests.bench.stage import UPDATES, stage
from tests.bench.statistics import percentile
from tests.bench.throughput import start

if TYPE_CHECKING:
    from tests.bench.contestants import Contestant
    from tests.bench.fake_apis import FakeApis
    from tests.bench.stage import Stage
    from tests.bench.throughput import Figures

LEAST_SAMPLES: Final = 100
PATIENCE_SECONDS: Final = 30
BURST_CUSTOMERS, BURST_TIMES = 200, 5
QUIET_SECONDS: Final = 1.5
"""After this long without a call, a burst is over."""


def half_load(apis: FakeApis, contestant: Contestant, *, per_second: float, latency_ms: int, seconds: float) -> Figures:
    """Ask a warm worker for half of what it can do in a second, evenly."""
    rate = per_second / 2
    count = max(int(rate * seconds), LEAST_SAMPLES)
    with stage(apis, contestant, UPDATES, latency_ms=latency_ms) as made:
        warm_up(made, latency_ms)
        ask_noted(made, count, "--rate", str(rate))
        wait_for(apis, count, PATIENCE_SECONDS)
        asked = noted(made)
        took = [(line.first_ns - asked[line.customer_id]) / 1e6 for line in apis.log(count) if line.ends]
        if len(took) < count:
            raise made.failed(f"transferred {len(took)} of {count}")
    return {"rate": rate, "p50_ms": percentile(took, 50), "p99_ms": percentile(took, 99)}


def burst(apis: FakeApis, contestant: Contestant, *, latency_ms: int) -> Figures:
    """Ask a warm worker for each of 200 customers five times, all at once, as a bulk edit in iPaaS.com does."""
    with stage(apis, contestant, UPDATES, latency_ms=latency_ms) as made:
        warm_up(made, latency_ms)
        ask_noted(made, BURST_CUSTOMERS, "--times", str(BURST_TIMES))
        wait_for(apis, BURST_CUSTOMERS, PATIENCE_SECONDS)
        wait_until_quiet(made)
        asked, lines = noted(made), apis.log(BURST_CUSTOMERS)
        took = [(line.last_ns - asked[line.customer_id]) / 1e6 for line in lines]
    first_ns, last_ns = asked[0], max(line.last_ns for line in lines)
    return {
        "seconds": (last_ns - first_ns) / 1e9,
        "writes": sum(line.ends for line in lines),
        "p50_ms": percentile(took, 50),
        "p99_ms": percentile(took, 99),
    }


def warm_up(made: Stage, latency_ms: int) -> None:
    """Let the workers transfer some customers, then forget that."""
    count = 2 * made.contestant.threads
    made.ask(count)
    start(made)
    wait_for(made.apis, count, PATIENCE_SECONDS)
    time.sleep(2 * latency_ms / 1000)
    made.apis.reset(latency_ms)


def ask_noted(made: Stage, count: int, *options: str) -> None:
    """Ask, and have the moments noted."""
    made.ask(count, *options, "--noted", str(made.folder / "noted"))


def noted(made: Stage) -> dict[int, int]:
    """When each customer was asked for last, in nanoseconds; under 0 when the first of all was."""
    lines = (made.folder / "noted").read_text("utf-8").splitlines()
    moments = [(int(customer_id), int(at)) for customer_id, at in map(str.split, lines)]
    return dict([(0, min(at for _, at in moments)), *moments])


def wait_until_quiet(made: Stage) -> None:
    """Wait until no call comes any more."""
    seen, since = -1, time.monotonic()
    while time.monotonic() < since + QUIET_SECONDS:
        if (calls := made.apis.totals().calls) != seen:
            seen, since = calls, time.monotonic()
        time.sleep(0.05)
