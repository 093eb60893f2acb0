"""`make prove`: thousands of worlds, each from its seed; and for each safety, a seed that shows that it is missing.

`make prove SEED=22` replays one world step by step; `WITHOUT="lease check"` replays it without that safety.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from tests import parts
from tests.simulation.broken import SWITCHED_OFF, Safety
from tests.simulation.chance import Fault
from tests.simulation.crew import Crew, crew, parts_without
from tests.simulation.past import PAST_FAILURES
from tests.simulation.process import UnreliableRedis
from tests.simulation.simulation import Outcome, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = 3000
SEEDS_TO_CATCH = 200
"""So many seeds at most must show that a safety is missing."""


def main() -> int:
    """Prove, or replay; the exit code is 1 where anything is not as it must be."""
    arguments = _arguments()
    if arguments.seed is not None:
        return _replay(arguments.seed, arguments.without)
    until = time.monotonic() + arguments.seconds
    with crew() as hands:
        _say("Is each safety needed, and would the simulation notice that it is missing?")
        caught = [_is_caught(hands, safety) for safety in SWITCHED_OFF]
        return 0 if _holds(hands, arguments.seeds, until) and all(caught) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Simulate the worker among faults.")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many worlds (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin none after that long")
    parser.add_argument("--seed", type=int, help="replay this one, step by step")
    parser.add_argument("--without", default="", choices=["", *(each.name for each in SWITCHED_OFF)], metavar="SAFETY")
    arguments = parser.parse_args()
    if arguments.seeds < 1 or (arguments.seed is not None and arguments.seed < 0):
        parser.error("SEEDS must be 1 or more, SEED 0 or more")
    if arguments.without and arguments.seed is None:
        parser.error("WITHOUT needs the SEED of the world to replay")
    return arguments


def _replay(seed: int, without: str) -> int:
    with parts.valkey() as url, UnreliableRedis.from_url(url, decode_responses=True) as client:
        assert isinstance(client, UnreliableRedis)
        outcome = simulate(seed, client, parts_without(without), trace=_say)
    counts = f"{outcome.steps} steps, {sum(outcome.happened.values())} faults, violations: {len(outcome.violations)}"
    _say(f"\nseed {seed}: {counts}")
    _say_violations(outcome)
    return 1 if outcome.violations else 0


def _is_caught(hands: Crew, safety: Safety) -> bool:
    """Whether the simulation notices that a safety is missing."""
    outcome = _catching(hands, safety)
    if outcome is None:
        _say(f"  without {safety.name + ':':<40} NOT NOTICED in {SEEDS_TO_CATCH} seeds")
        return False
    _say(f"  without {safety.name + ':':<40} seed {outcome.seed:>3} finds: {outcome.found_as(safety.violation)[:90]}")
    return True


def _catching(hands: Crew, safety: Safety) -> Outcome | None:
    outcomes = hands.run(range(SEEDS_TO_CATCH), math.inf, safety.name)
    return next((outcome for outcome in outcomes if safety.is_caught(outcome)), None)


def _holds(hands: Crew, seeds: int, until: float) -> bool:
    """Whether no seed finds a violation: first those that once did, then new ones."""
    started, done, steps = time.monotonic(), 0, 0
    happened: Counter[Fault] = Counter()
    bad = []
    for outcome in hands.run(_seeds(seeds), until):
        done, steps = done + 1, steps + outcome.steps
        happened += outcome.happened
        if outcome.violations:
            bad.append(outcome)
            _say(f"\nseed {outcome.seed}: make prove SEED={outcome.seed}")
            _say_violations(outcome)
    _say(f"\nseeds run: {done:,}, {steps:,} steps, in {time.monotonic() - started:.0f} s")
    _say(f"faults injected: {sum(happened.values()):,}")
    for fault in Fault:
        _say(f"  {happened[fault]:>9,}  {fault}")
    _say(f"violations: {len(bad)}")
    return not bad


def _seeds(number: int) -> Iterator[int]:
    yield from (past.seed for past in PAST_FAILURES)
    known = {past.seed for past in PAST_FAILURES}
    fresh = (seed for seed in count() if seed not in known)
    yield from (next(fresh) for _ in range(number - len(known)))


def _say_violations(outcome: Outcome) -> None:
    for violation in outcome.violations:
        _say(f"  {violation}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a program of its own


if __name__ == "__main__":
    sys.exit(main())
