"""Measures settings of the engine side by side for docs/decisions: `python -m tests.proofs.engine`. Asserts nothing."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import parts
from tests.acceptance.processes import children_of
from tests.proofs.__main__ import say
from tests.proofs.processes import VALKEY, Restartable, Server, worker
from tests.proofs.stage import Stage, customers, stage
from tests.proofs.truth import person
from worker.jobs.job import Kind
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

CUSTOMERS = 500
STOPS = 5
ANSWER_SECONDS = 0.03
THREADS = ("--concurrency=20",)
OPTIONS = {"visibility_timeout": 300, "socket_connect_timeout": 5, "socket_timeout": 10, "socket_keepalive": True}


@dataclass(frozen=True)
class Variant:
    """One way to set the engine up."""

    name: str
    options: Sequence[str] = THREADS
    conf: dict[str, Any] = field(default_factory=dict)
    appendonly: str = "yes"
    fsync: str = "everysec"


VARIANTS = [
    Variant("threads 20 (chosen)"),
    Variant("prefork 20", ("--concurrency=20",), {"worker_pool": "prefork"}),
    Variant("prefetch 4", conf={"worker_prefetch_multiplier": 4}),
    Variant("prefetch 20", conf={"worker_prefetch_multiplier": 20}),
    Variant("10 broker connections", conf={"broker_transport_options": OPTIONS | {"max_connections": 10}}),
    Variant("4 broker connections", conf={"broker_transport_options": OPTIONS | {"max_connections": 4}}),
    Variant("Redis without AOF", appendonly="no"),
    Variant("AOF, fsync always", fsync="always"),
]


def main() -> None:
    """Measure every variant and print a table."""
    say(f"{CUSTOMERS} customers each; the APIs answer in {ANSWER_SECONDS} s; then {STOPS} warm stops and one SIGKILL")
    say(f"{'':<24} jobs/s  CPU ms/job  memory MB  longest stop  ran twice  held on kill  acks refused")
    with tempfile.TemporaryDirectory(prefix="stamped-sync-engine-") as folder:
        for number, variant in enumerate(VARIANTS):
            say(measure(Path(folder) / str(number), variant))


def measure(folder: Path, variant: Variant) -> str:
    """A row of the table."""
    folder.mkdir()
    sandbox = Sandbox([person(number) for number in range(1, 3 * CUSTOMERS + 1)])
    sandbox.add_fault(Fault(delay_seconds=ANSWER_SECONDS))
    server = Server(VALKEY, folder, appendonly=variant.appendonly, fsync=variant.fsync)
    terms = "throttle = { limit = 1000000, seconds = 1, concurrent = 200 }"
    env = {"VARIANT": json.dumps(variant.conf), "STAMPED_SYNC_CONCURRENCY": "20"}
    with stage(folder, sandbox, server, terms, **env) as made:
        made.request(customers(3 * CUSTOMERS))
        each = worker(made.env, folder, "worker", *variant.options, app="tests.proofs.variant")
        with each.running():
            rate, cpu_ms = pace(made, each)
            memory = memory_mb(each.child.pid)
            longest = max(stopped(made, each) for _ in range(STOPS))
            idle = in_hands_when_killed(made, each)
    reads = Counter(call.customer_id for call in sandbox.calls if call.path.startswith("/customers/v2/Customer/"))
    twice = sum(times > 1 for times in reads.values())
    refused = each.log.read_text(encoding="utf-8").count("Couldn't ack")
    figures = f"{rate:6.0f}  {cpu_ms:10.1f}  {memory:9.0f}  {longest:10.1f} s  {twice:>9}  {idle:>12}  {refused:>12}"
    return f"{variant.name:<24} {figures}"


def pace(made: Stage, each: Restartable) -> tuple[float, float]:
    """Jobs a second, and the worker's milliseconds of CPU for each, once it is warm."""
    done = wait_for(made, CUSTOMERS // 10)
    began, cpu = time.monotonic(), cpu_seconds(each.child.pid)
    more = wait_for(made, CUSTOMERS) - done
    return more / (time.monotonic() - began), 1000 * (cpu_seconds(each.child.pid) - cpu) / more


def stopped(made: Stage, each: Restartable) -> float:
    """Stop the worker at work and start it again; the seconds that the stop took."""
    wait_for(made, made.ledger.counts(Kind.CUSTOMER).done + 50)
    seconds = each.stop()
    each.start()
    return seconds


def in_hands_when_killed(made: Stage, each: Restartable) -> int:
    """How many messages a killed worker held whose jobs it had not begun."""
    wait_for(made, made.ledger.counts(Kind.CUSTOMER).done + 50)
    each.kill()
    return made.messages_in_hand()


def wait_for(made: Stage, count: int) -> int:
    """Wait until so many customer jobs are done; how many are."""
    return int(parts.eventually(lambda: (done := made.ledger.counts(Kind.CUSTOMER).done) >= count and done))


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and of its children so far."""
    ticks = 0
    for each in (pid, *children_of(pid)):
        fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """The memory of a process and of its children; what they share counts once."""
    rolled = (Path(f"/proc/{each}/smaps_rollup").read_text(encoding="utf-8") for each in (pid, *children_of(pid)))
    return sum(int(line.split()[1]) for text in rolled for line in text.splitlines() if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main()
