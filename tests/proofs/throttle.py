"""The throttle: several worker processes, and a server that counts the calls of every window."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from typing import TYPE_CHECKING

from tests import parts
from tests.proofs.processes import worker
from tests.proofs.result import Result
from tests.proofs.stage import DEFAULTS, customers, stage
from tests.proofs.truth import compare, person
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIMIT = 100
WORKERS = 4
LEAST_USED = 0.98
MOST_IN_A_TENTH = 0.15
"""The share of its calls that a tenth of a window may hold: a backlog's calls are spread."""


def prove(
    folder: Path,
    *,
    seconds: int = 20,
    windows: int = 4,
    least_used: float = LEAST_USED,
    most_in_a_tenth: float = MOST_IN_A_TENTH,
) -> Result:
    """Let four workers carry customers over through a throttle, and count what arrives."""
    result = Result(f"Throttle of {LIMIT} calls in {seconds} s, {WORKERS} workers")
    count = LIMIT * windows
    sandbox = Sandbox([person(number) for number in range(1, count + 1)])
    terms = f"throttle = {{ limit = {LIMIT}, seconds = {seconds}, concurrent = 20 }}"
    with stage(folder, sandbox, terms=terms, **DEFAULTS) as made, contextlib.ExitStack() as stack:
        for number in range(WORKERS):
            stack.enter_context(worker(made.env, folder, f"worker{number}").running())
        # Or jobs that were let run one by one would be run together once a worker is there.
        parts.eventually(lambda: all(" ready" in log.read_text() for log in folder.glob("worker*.log")))
        made.request(customers(count))
        left = made.rest()
    times = [call.at for call in sandbox.calls if call.api == "stamped"]
    worst = most_in_a_window(times, seconds)
    used = share_used(times, seconds)
    result.say(f"{len(times)} calls in {times[-1] - times[0]:.1f} s, jobs left {left}")
    result.say(f"most calls in any {seconds} seconds: {worst} of {LIMIT}")
    result.say(f"used while work waited: {used:.1%} of the allowance")
    tenth = most_in_a_window(times, seconds / 10)
    result.say(f"most calls in any {seconds / 10:.0f} seconds: {tenth}")
    result.must(worst <= LIMIT, f"{worst} calls in one window")
    result.must(tenth <= most_in_a_tenth * LIMIT, f"{tenth} calls in a tenth of a window")
    result.must(used >= least_used, f"only {used:.1%} of the allowance was used")
    result.must(not left and compare(sandbox, sandbox.customers).is_clean, "not everything was carried over")
    return result


def most_in_a_window(times: Sequence[float], seconds: float) -> int:
    """The most calls that any window holds."""
    return max(index + 1 - bisect_left(times, at - seconds + 1e-9) for index, at in enumerate(times))


def share_used(times: Sequence[float], seconds: float) -> float:
    """Calls made, of those allowed, from the first call until the last whole window in which work still waited."""
    whole = int((times[-1] - times[0]) / seconds)
    made = bisect_left(times, times[0] + whole * seconds)
    return made / (LIMIT * whole)
