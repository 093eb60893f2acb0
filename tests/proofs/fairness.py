"""Fairness: how long a store's jobs take while another store is idle, and while it is in trouble."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests import parts
from tests.proofs.processes import VALKEY, Server, beat, worker
from tests.proofs.result import Result, percentile
from tests.proofs.stage import DEFAULTS, Stage, customers, settle
from tests.proofs.truth import person
from worker.jobs.job import State
from worker.sandbox.faults import Fault
from worker.sandbox.server import Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from worker.jobs.job import Job
    from worker.ledger import Ledger, Record

ILL, WELL = 1, 2
MOST_SECONDS_MORE = 1.0
TERMS = "throttle = { limit = 1000000, seconds = 1, concurrent = 10 }"
"""As many at a time as by default, and no throttle: whoever has jobs runs them as fast as the machine allows."""
PEOPLE = 10_000
BETWEEN_SECONDS = 0.05
"""Between two triggers of the store that is well."""


@dataclass(frozen=True)
class Trouble:
    """What the other store is in."""

    name: str
    jobs: int = 0
    fault: Fault | None = None


def troubles(backlog: int) -> list[Trouble]:
    """The troubles of a long backlog, of slow answers and of none."""
    return [
        Trouble("idle"),
        Trouble(f"has {backlog:,} jobs waiting", jobs=backlog),
        Trouble("answers in 30 s", jobs=100, fault=Fault(delay_seconds=30)),
        Trouble("is down", jobs=100, fault=Fault(cut="before")),
    ]


@dataclass(frozen=True)
class Delays:
    """How long each job took, from its trigger until it was done, in seconds of Redis' clock."""

    seconds: Sequence[float]
    others_left: int
    """How many jobs the other store still had at the end."""

    def __str__(self) -> str:
        p50, p99 = (percentile(self.seconds, percent) for percent in (50, 99))
        return f"p50 {p50:6.3f} s   p99 {p99:6.3f} s   longest {max(self.seconds):6.3f} s"


def prove(folder: Path, *, backlog: int = 100_000, triggers: int = 200) -> Result:
    """Measure the jobs of one store beside each trouble of another, on one worker with the default settings."""
    result = Result(f"Fairness: {triggers} triggers of a store, while another store...")
    measured = [(each, measure(folder / each.name.replace(" ", "-"), each, triggers)) for each in troubles(backlog)]
    alone = measured[0][1]
    for trouble, delays in measured:
        result.say(f"{trouble.name:<26} {delays}   {delays.others_left:,} jobs of it are left")
        more = percentile(delays.seconds, 99) - percentile(alone.seconds, 99)
        result.must(more <= MOST_SECONDS_MORE, f"{more:.1f} s longer at the 99th percentile while it {trouble.name}")
        result.must(len(delays.seconds) == triggers, f"{triggers - len(delays.seconds)} jobs were not done")
        result.must(bool(delays.others_left) is bool(trouble.jobs), f"it was not in trouble to the end: {trouble.name}")
    return result


def measure(folder: Path, trouble: Trouble, triggers: int) -> Delays:
    """Run two stores on one worker."""
    folder.mkdir(parents=True)
    with two_stores(folder) as made, worker(made.env, folder, "worker").running(), beat(made.env, folder).running():
        if trouble.fault:
            made.sandbox.add_fault(trouble.fault)
        others, (first, *jobs) = customers(trouble.jobs, ILL), customers(triggers + 1, WELL)
        made.request(others)
        made.request([first])
        parts.eventually(lambda: left(made.ledger, [first]) == 0 and (made.sandbox.calls or not trouble.jobs))
        for job in jobs:
            made.request([job])
            time.sleep(BETWEEN_SECONDS)
        settle(lambda: left(made.ledger, jobs))
        return Delays([took(record) for record in made.ledger.records(jobs) if record], left(made.ledger, others))


def left(ledger: Ledger, jobs: Sequence[Job]) -> int:
    """How many of the jobs are not done."""
    return sum(record is None or record.state is not State.DONE for record in ledger.records(jobs))


def took(record: Record) -> float:
    """The seconds from a job's trigger until it was done."""
    assert record.state is State.DONE
    assert record.requested_at
    assert record.changed_at
    return (record.changed_at - record.requested_at).total_seconds()


@contextlib.contextmanager
def two_stores(folder: Path) -> Iterator[Stage]:
    """A stage with two connections; its sandbox is the one that gets into trouble."""
    ill, well = (Sandbox([person(number) for number in range(1, PEOPLE)], systems=(each,)) for each in (ILL, WELL))
    with serve(ill) as first, serve(well) as second, Server(VALKEY, folder).running() as server:
        path = folder / "connections.toml"
        urls = {ILL: first.url, WELL: second.url}
        both = (parts.connection(url, system_id=system_id, more=TERMS) for system_id, url in urls.items())
        path.write_text("\n".join(both), encoding="utf-8")
        yield Stage(folder, server, ill, parts.environment(server.url, path, **DEFAULTS))
