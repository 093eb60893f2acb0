"""What a proof runs on: a server that keeps its data, the sandbox of both APIs over HTTP, and the configuration."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from celery import Celery

from tests import parts
from tests.proofs.processes import VALKEY, Server
from tests.proofs.truth import MAPPING_ROW, open_jobs
from worker.config.settings import Settings
from worker.connections import load_connections
from worker.handover import open_ledger
from worker.jobs.errors import LedgerUnavailable
from worker.jobs.job import Job, Kind
from worker.jobs.routes import QUEUE_OF, TASK_OF
from worker.sandbox.server import Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from worker.ledger import Ledger

FREE = "throttle = { limit = 1000000, seconds = 1, concurrent = 20 }"
"""A throttle that no proof reaches, and as many jobs at a time as one worker has threads by default."""
DEFAULTS: dict[str, str] = dict.fromkeys(parts.QUICK, "")
"""Empty variables count as not set: with these a process runs under the default settings."""
STANDSTILL_SECONDS = 150
"""How long nothing may happen before jobs count as never done: three leases."""


@dataclass(frozen=True)
class Stage:
    """The parts of a proof."""

    folder: Path
    server: Server
    sandbox: Sandbox
    env: dict[str, str]

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger as the workers open it."""
        connections = self.folder / "connections.toml"
        return open_ledger(Settings(redis_url=self.server.url), load_connections(connections))

    @cached_property
    def celery(self) -> Celery:
        """An application that can only send messages."""
        return Celery("proof", broker=self.server.url, set_as_current=False)

    def request(self, jobs: Iterable[Job], *, at_a_time: int = 1000) -> None:
        """Ask for jobs."""
        waiting = list(jobs)
        for start in range(0, len(waiting), at_a_time):
            self.ledger.request_all(waiting[start : start + at_a_time])

    def send(self, job: Job) -> None:
        """Send the message of a job."""
        args = (job.system_id, job.customer_id)
        self.celery.send_task(TASK_OF[job.kind], args=args, queue=QUEUE_OF[job.kind])

    def messages_in_hand(self) -> int:
        """How many messages of customer jobs are out of the queue although nobody runs their jobs."""
        return self.ledger.counts(Kind.CUSTOMER).sent - int(self.server.client.llen(QUEUE_OF[Kind.CUSTOMER]))

    def rest(self) -> int:
        """Wait until no job is left to do, or nothing happens any more; how many are left."""
        return settle(lambda: open_jobs(self.ledger))


def settle(left: Callable[[], int]) -> int:
    """Wait until nothing is left, or what is left stays the same for long; how much it is."""
    fewest, since = left(), time.monotonic()
    while fewest and time.monotonic() - since < STANDSTILL_SECONDS:
        time.sleep(0.1)
        with contextlib.suppress(LedgerUnavailable):
            if (now := left()) < fewest:
                fewest, since = now, time.monotonic()
    return fewest


@contextlib.contextmanager
def stage(
    folder: Path, sandbox: Sandbox, server: str | Server = VALKEY, terms: str = FREE, **env: str
) -> Iterator[Stage]:
    """A stage with one connection, whose subscription is mapped from a custom field."""
    folder.mkdir(parents=True, exist_ok=True)
    made = server if isinstance(server, Server) else Server(server, folder)
    with serve(sandbox) as served, made.running():
        parts.write_rows(folder / "mapping.toml", MAPPING_ROW)
        connections = folder / "connections.toml"
        more = f'{terms}\nmapping = "mapping.toml"'
        connections.write_text(parts.connection(served.url, more=more), encoding="utf-8")
        yield Stage(folder, made, sandbox, parts.environment(made.url, connections, **env))


def customers(count: int, system_id: int = parts.SYSTEM) -> list[Job]:
    """The customer jobs of the customers from 1 on."""
    return [Job(Kind.CUSTOMER, system_id, str(number)) for number in range(1, count + 1)]
