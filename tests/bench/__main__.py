"""`python -m tests.bench`, which `make bench` calls: measure in turns, print, and write docs/benchmarks.md."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from tests import parts
from tests.bench import machine, report, tables
from tests.bench.bench import SAVED, Bench
from tests.bench.fake_apis import NoCompiler, fake_apis
from tests.bench.plan import plan
from tests.bench.results import Results

if TYPE_CHECKING:
    from tests.bench.fake_apis import FakeApis
    from tests.bench.plan import Plan


def main(arguments: list[str]) -> int:
    """Run the bench."""
    made = plan(arguments)
    # Ended by SIGTERM, it must end its workers too: they are in sessions of their own.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="stamped-sync-apis-") as folder:
        try:
            with fake_apis(Path(folder)) as apis:
                return measured(made, apis)
        except NoCompiler as error:
            print(error, file=sys.stderr)
            return 2


def measured(made: Plan, apis: FakeApis) -> int:
    """Measure what the plan says; 1 if somebody failed."""
    with parts.valkey() as url, redis.Redis.from_url(url) as client:
        about = machine.about(client)
    about |= {"plan": made.words, "capacity": apis.capacity(), "load_at_first": os.getloadavg()[0]}
    print(f"the fake APIs answer {about['capacity']:,} calls a second; load average {about['load_at_first']:.1f}")
    results = Results.load(SAVED) if made.adds else Results(about)
    began = time.monotonic()
    Bench(made, apis, results).run()
    minutes = (time.monotonic() - began) / 60
    if made.adds:
        results.about["added"] = f"{', '.join(made.measures)} were measured later, at commit {about['commit']}"
    results.about["minutes"] = results.about.get("minutes", 0) + minutes
    results.about["load_at_last"] = os.getloadavg()[0]
    results.save(SAVED)
    for title, table in report.tables_of(results):
        print(f"\n{title}\n{tables.as_text(table)}")
    print(f"\n{minutes:.1f} minutes; every figure is in {SAVED.relative_to(parts.ROOT)}")
    if made.is_written:
        report.write(results)
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
