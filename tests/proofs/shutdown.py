"""Warm stops: workers that get SIGTERM under load, one after the other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests import parts
from tests.proofs.processes import worker
from tests.proofs.result import Result
from tests.proofs.stage import customers, stage
from tests.proofs.truth import compare, failed_by_code, person
from worker.jobs.job import Kind
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

BETWEEN = 25
"""Customers that a worker carries over before it is stopped: more than it runs at a time."""


def prove(folder: Path, *, stops: int = 15, pool: str = "threads", answer_seconds: float = 0.1) -> Result:
    """Stop one worker after the other while it works, and count what ran twice."""
    result = Result(f"Warm stops under load, pool {pool}")
    count = BETWEEN * (stops + 3)
    sandbox = Sandbox([person(number) for number in range(1, count + 1)])
    sandbox.add_fault(Fault(delay_seconds=answer_seconds))
    with stage(folder, sandbox, STAMPED_SYNC_CONCURRENCY="20") as made:
        made.request(customers(count))
        each = worker(made.env, folder, "worker", "--pool", pool)
        seconds, running = [], []
        with each.running():
            for stop in range(1, stops + 1):
                parts.eventually(lambda: made.ledger.counts(Kind.CUSTOMER).done >= BETWEEN * stop)  # noqa: B023
                seconds.append(each.stop())
                running.append(made.ledger.counts(Kind.CUSTOMER).running)
                each.start()
            done_before_last = made.ledger.counts(Kind.CUSTOMER).done
            left = made.rest()
        failed = failed_by_code(made.ledger)
    reads = Counter(call.customer_id for call in sandbox.calls if call.path.startswith("/customers/v2/Customer/"))
    twice = sum(times > 1 for times in reads.values())
    result.say(f"{stops} stops of a worker of 20 threads, {count:,} customers")
    result.say(f"longest stop {max(seconds):.1f} s, {each.hung} had to be killed, {sum(running)} jobs left as running")
    sides = compare(sandbox, sandbox.customers)
    result.say(f"transfers that ran twice: {twice}; {sides}, failed {dict(failed) or 'none'}")
    result.must(sides.is_clean, str(sides))
    result.must(not each.hung and not each.crashed, "a worker did not end, or ended by itself")
    result.must(len(reads) == count and not twice, f"{twice} of {len(reads)} transfers ran twice")
    result.must(not any(running), f"{sum(running)} jobs were left running")
    result.must(not left and not failed, f"jobs left {left}, failed {dict(failed)}")
    result.must(done_before_last < count, "the last worker had nothing to do: that is no load")
    return result
