"""The second half of `make prove`: every proof with real processes, one after the other, and what each came to.

`python -m tests.proofs chaos kills` runs those alone. Each ends by a bound of work, or when nothing happens any more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.proofs import backlog, chaos, fairness, front_door, kills, shutdown, survival, throttle, weather
from tests.proofs.processes import SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proofs.result import Result

SEED = 1
CHAOS_TRIGGERS, CHAOS_CUSTOMERS, CHAOS_TROUBLES = 10_000, 1_500, 40
"""For each server: with both of them, 20,000 triggers."""


def proofs(seed: int) -> dict[str, Callable[[Path], Result]]:
    """Every proof by its name."""
    plan = chaos.Plan(CHAOS_TRIGGERS, CHAOS_CUSTOMERS, CHAOS_TROUBLES, seed)
    stormy = {f"chaos-{server}": partial(chaos.prove, server=server, plan=plan) for server in SERVERS}
    hardy = {f"survival-{server}": partial(survival.prove, server=server) for server in SERVERS}
    return (
        stormy
        | hardy
        | {
            "weather": weather.prove,
            "kills": kills.prove,
            "throttle": throttle.prove,
            "fairness": fairness.prove,
            "backlog": backlog.prove,
            "shutdown": shutdown.prove,
            "front-door": front_door.prove,
        }
    )


def main() -> int:
    """Run the proofs; the exit code is 1 where anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs", description="Prove reliability on real processes.")
    parser.add_argument("names", nargs="*", help="which, by how their names begin (default: all)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the chaos (default: %(default)s)")
    arguments = parser.parse_args()
    chosen = [
        (name, proof)
        for name, proof in proofs(arguments.seed).items()
        if name.startswith(tuple(arguments.names)) or not arguments.names
    ]
    with tempfile.TemporaryDirectory(prefix="stamped-sync-proofs-") as folder:
        violations = [run(proof, Path(folder) / name) for name, proof in chosen]
    say(f"\nproofs with real processes: {len(chosen)}, violations: {sum(violations)}")
    return 1 if any(violations) or not chosen else 0


def run(proof: Callable[[Path], Result], folder: Path) -> int:
    """Run one proof and print what it came to; the number of violations."""
    started = time.monotonic()
    result = proof(folder)
    say(f"\n{result.title} ({time.monotonic() - started:.0f} s)")
    for line in result.lines:
        say(f"  {line}")
    for violation in result.violations:
        say(f"  VIOLATION: {violation}")
    return len(result.violations)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201 - this is a program of its own


if __name__ == "__main__":
    sys.exit(main())
