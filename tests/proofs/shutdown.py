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

MORE_THAN_THREADS = "throttle = { limit = 1000000, seconds = 1, concurrent = 60 }"
"""As many messages are on their way, so that a worker holds some whose jobs no thread has begun."""
SETTINGS = {"STAMPED_SYNC_CONCURRENCY": "20", "STAMPED_SYNC_LOST_AFTER_SECONDS": "30"}
"""No message counts as lost while a worker stops, so the sweep sends none twice."""
BETWEEN = 25
"""Customers that a worker carries over before it is stopped: more than it runs at a time."""


def prove(folder: Path, *, stops: int = 15, answer_seconds: float = 0.1) -> Result:
    """Stop one worker after the other while it works, and count what ran twice."""
    result = Result("Warm stops under load")
    count = BETWEEN * (stops + 3)
    sandbox = Sandbox([person(number) for number in range(1, count + 1)])
    sandbox.add_fault(Fault(delay_seconds=answer_seconds))
    with stage(folder, sandbox, terms=MORE_THAN_THREADS, **SETTINGS) as made:
        made.request(customers(count))
        each = worker(made.env, folder, "worker")
        seconds, running, kept = [], [], []
        with each.running():
            for stop in range(1, stops + 1):
                parts.eventually(lambda: made.ledger.counts(Kind.CUSTOMER).done >= BETWEEN * stop)  # noqa: B023
                seconds.append(each.stop())
                running.append(made.ledger.counts(Kind.CUSTOMER).running)
                kept.append(made.messages_in_hand())
                each.start()
            done_before_last = made.ledger.counts(Kind.CUSTOMER).done
            left = made.rest()
        failed = failed_by_code(made.ledger)
    reads = Counter(call.customer_id for call in sandbox.calls if call.path.startswith("/customers/v2/Customer/"))
    twice = sum(times > 1 for times in reads.values())
    result.say(f"{stops} stops of a worker of 20 threads, {count:,} customers")
    result.say(f"longest stop {max(seconds):.1f} s, {each.hung} had to be killed, {sum(running)} jobs left as running")
    given_back = each.log.read_text(encoding="utf-8").count("Restoring ")
    result.say(
        f"{given_back} stops gave messages back that had not been begun, {sum(kept)} messages were not given back"
    )
    sides = compare(sandbox, sandbox.customers)
    result.say(f"transfers that ran twice: {twice}; {sides}, failed {dict(failed) or 'none'}")
    result.must(sides.is_clean, str(sides))
    result.must(not each.hung and not each.crashed, "a worker did not end, or ended by itself")
    result.must(len(reads) == count and not twice, f"{twice} of {len(reads)} transfers ran twice")
    result.must(not any(kept), f"{sum(kept)} messages were not given back")
    result.must(not any(running), f"{sum(running)} jobs were left running")
    result.must(not left and not failed, f"jobs left {left}, failed {dict(failed)}")
    result.must(done_before_last < count, "the last worker had nothing to do: that is no load")
    return result
