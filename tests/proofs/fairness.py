"""Fairness: how long a store's jobs take alone, and while other stores are in trouble."""

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

WELL, FIRST_ILL = 1, 2
MOST_SECONDS_MORE = 0.3
TERMS = "throttle = { limit = 1000000, seconds = 1, concurrent = 10 }"
"""As many at a time as by default, and no throttle: whoever has jobs runs them as fast as the machine allows."""
PEOPLE = 10_000
BETWEEN_SECONDS = 0.05
"""Between two triggers of the store that is well."""


@dataclass(frozen=True)
class Trouble:
    """What another store is in."""

    name: str
    jobs: int
    fault: Fault | None = None


def troubles(backlog: int) -> list[Trouble]:
    """The troubles of a long backlog, of slow answers and of none."""
    return [
        Trouble(f"{backlog:,} jobs waiting", jobs=backlog),
        Trouble("answers after 30 s", jobs=100, fault=Fault(delay_seconds=30)),
        Trouble("no answer at all", jobs=100, fault=Fault(cut="before")),
    ]


@dataclass(frozen=True)
class Delays:
    """How long each job took, from its trigger until it was done, in seconds of Redis' clock."""

    seconds: Sequence[float]
    others_left: Sequence[int]
    """How many jobs each other store still had at the end."""

    def __str__(self) -> str:
        p50, p99 = (percentile(self.seconds, percent) for percent in (50, 99))
        return f"p50 {p50:6.3f} s   p99 {p99:6.3f} s   longest {max(self.seconds):6.3f} s"


def prove(folder: Path, *, backlog: int = 100_000, triggers: int = 200) -> Result:
    """Measure the jobs of one store beside others in trouble, on one worker with the default settings."""
    result = Result(f"Fairness: {triggers} triggers of a store, while another store has...")
    each = troubles(backlog)
    alone = None
    for number, met in enumerate([[], *([one] for one in each), each]):
        name = (
            " and ".join(trouble.name for trouble in met) if len(met) < len(each) else "each of these in three stores"
        )
        delays = measure(folder / str(number), met, triggers)
        alone = alone or delays
        result.say(f"{name or 'nothing to do':<30} {delays}   jobs left: {delays.others_left}")
        more = percentile(delays.seconds, 99) - percentile(alone.seconds, 99)
        result.must(more <= MOST_SECONDS_MORE, f"{more:.1f} s longer at the 99th percentile: {name}")
        result.must(len(delays.seconds) == triggers, f"{triggers - len(delays.seconds)} jobs were not done: {name}")
        result.must(all(delays.others_left), f"another store was not in trouble to the end: {name}")
    return result


def measure(folder: Path, met: Sequence[Trouble], triggers: int) -> Delays:
    """Run a store on one worker beside those that meet these troubles."""
    folder.mkdir(parents=True)
    with stores(folder, met) as made, worker(made.env, folder, "worker").running(), beat(made.env, folder).running():
        others = [customers(trouble.jobs, system_id) for system_id, trouble in enumerate(met, FIRST_ILL)]
        first, *jobs = customers(triggers + 1, WELL)
        for each in others:
            made.request(each)
        made.request([first])
        parts.eventually(lambda: left(made.ledger, [first]) == 0)
        for job in jobs:
            made.request([job])
            time.sleep(BETWEEN_SECONDS)
        settle(lambda: left(made.ledger, jobs))
        seconds = [took(record) for record in made.ledger.records(jobs) if record]
        return Delays(seconds, [left(made.ledger, each) for each in others])


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
def stores(folder: Path, met: Sequence[Trouble]) -> Iterator[Stage]:
    """A stage with a connection for the store that is well, and one for each that meets a trouble."""
    with contextlib.ExitStack() as stack:
        sandboxes = {system_id: sandbox(system_id) for system_id in range(WELL, FIRST_ILL + len(met))}
        for system_id, trouble in enumerate(met, FIRST_ILL):
            if trouble.fault:
                sandboxes[system_id].add_fault(trouble.fault)
        urls = {system_id: stack.enter_context(serve(each)).url for system_id, each in sandboxes.items()}
        server = stack.enter_context(Server(VALKEY, folder).running())
        path = folder / "connections.toml"
        each = (parts.connection(url, system_id=system_id, more=TERMS) for system_id, url in urls.items())
        path.write_text("\n".join(each), encoding="utf-8")
        yield Stage(folder, server, sandboxes[WELL], parts.environment(server.url, path, **DEFAULTS))


def sandbox(system_id: int) -> Sandbox:
    """Both APIs of one store."""
    return Sandbox([person(number) for number in range(1, PEOPLE)], systems=(system_id,))
