"""Kill rounds: every worker at once ended with SIGKILL, again and again during a load."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from tests import parts
from tests.acceptance.processes import children_of
from tests.proofs.processes import Restartable, beat, python
from tests.proofs.result import Result
from tests.proofs.stage import DEFAULTS, Stage, customers, stage
from tests.proofs.truth import compare, failed_by_code, person
from worker.jobs.job import Kind
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = 4
EVERY_SECONDS = 2.0
MANY_AT_A_TIME = "throttle = { limit = 1000000, seconds = 1, concurrent = 3000 }"
"""A killed worker's jobs keep their places at their store until their leases end: room enough for work to go on."""


def prove(folder: Path, *, rounds: int = 30, count: int = 3_000, env: dict[str, str] | None = None) -> Result:
    """Kill all workers every two seconds; with the default settings, unless others are given."""
    result = Result("Kill rounds")
    sandbox = Sandbox([person(number, subscribed=number % 2 == 0) for number in range(1, count + 1)])
    with stage(folder, sandbox, terms=MANY_AT_A_TIME, **(DEFAULTS if env is None else env)) as made:
        made.request(customers(count))
        nursery = Restartable(python("-m", "tests.proofs.nursery", str(WORKERS)), made.env, folder / "workers.log")
        with beat(made.env, folder).running(), nursery.running():
            killed, done = _kill(made, nursery, rounds)
            left = made.rest()
        lost = sum(count for name, count in made.ledger.figures().totals.items() if name[:2] == ("swept", "lost"))
        failed = failed_by_code(made.ledger)
        calls = [call for call in sandbox.calls if call.path.endswith("/customers/add")]
    sides = compare(sandbox, map(str, range(1, count + 1)))
    result.say(f"{count:,} customers, {WORKERS} workers, {rounds} rounds, {killed} workers killed")
    result.say(f"{done:,} customers done during the rounds; {len(calls) - count:,} creates were given again")
    result.say(f"{lost:,} messages were lost in the hands of workers, and sent again by the sweep")
    result.say(f"{sides}, jobs left {left}, failed {dict(failed) or 'none'}")
    result.must(sides.is_clean and len(sandbox.stamped_customers) == count, str(sides))
    result.must(not left and not failed, f"jobs left {left}, failed {dict(failed)}")
    result.must(0 < done < count, f"{done} customers were done during the rounds: that is no load")
    return result


def _kill(made: Stage, nursery: Restartable, rounds: int) -> tuple[int, int]:
    """Once they are at work: how many workers were killed, and how many customer jobs were done by then."""
    killed = 0
    parts.eventually(lambda: made.ledger.counts(Kind.CUSTOMER).done)
    for _ in range(rounds):
        time.sleep(EVERY_SECONDS)
        for pid in children_of(nursery.child.pid):
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed, made.ledger.counts(Kind.CUSTOMER).done
