"""A scene for the tests of one module: both APIs, a Redis and the configuration; workers and commands run on it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import redis
from celery import Celery

from tests import parts
from worker.jobs.job import Job, Kind, State
from worker.jobs.routes import CUSTOMERS, QUEUE_OF, SUBSCRIPTIONS, TASK_OF, UPKEEP
from worker.ledger import Ledger, LedgerUnavailable, Record
from worker.sandbox.server import Sandbox, serve

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from worker.sandbox.messages import Call

ID = "150713"
ZOE = {
    "id": ID,
    "customer_number": "C-713",
    "first_name": "Zoë",
    "last_name": "Müller",
    "email_address": "zoe@example.com",
    "comment": "Prefers tea",
    "external_ids": [],
}
"""The customer of the specification's example."""
PLENTY = "throttle = { limit = 100000, seconds = 1 }"
"""A throttle under which no job waits, as a line of a connection."""


@dataclass(frozen=True)
class Scene:
    """The parts of a scene, and what people and listeners do on it."""

    folder: Path
    env: dict[str, str]
    url: str
    """The address of both APIs."""
    sandbox: Sandbox
    client: redis.Redis

    @cached_property
    def celery(self) -> Celery:
        """An application of somebody else's: it can only send messages."""
        return Celery("listener", broker=self.env["STAMPED_SYNC_REDIS_URL"], set_as_current=False)

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger, which has no times of its own to keep here."""
        return Ledger(self.client)

    def clear(self) -> None:
        """Forget all jobs, messages, customers, calls and faults."""
        self.sandbox.clear()
        self.client.delete(*self.client.scan_iter("stamped-sync:*"), CUSTOMERS, SUBSCRIPTIONS, UPKEEP)

    # Processes ------------------------------------------------------------------------------------------------------

    @property
    def log(self) -> Path:
        """The log of all workers."""
        return self.folder / "worker.log"

    def worker(self, *options: str, app: str = "worker.app", **env: str) -> contextlib.AbstractContextManager[Any]:
        """A real worker."""
        return parts.worker_process(self.env | env, self.log, *options, app=app)

    @contextlib.contextmanager
    def running(self, **env: str) -> Iterator[Scene]:
        """The scene with a worker and a beat."""
        with self.worker(**env), parts.beat_process(self.env | env, self.folder / "beat.log"):
            yield self

    def console(self, *arguments: str, text: str | bytes = "", **env: str) -> subprocess.CompletedProcess[str]:
        """What `stamped-sync` says, and how it ends."""
        return parts.console(self.env | env, self.folder, *arguments, text=text)

    def sync(self, *arguments: str) -> list[dict[str, Any]]:
        """What `sync --wait --json` prints, an object a line."""
        return [json.loads(line) for line in self.console("sync", *arguments, "--wait", "--json").stdout.splitlines()]

    # Jobs -----------------------------------------------------------------------------------------------------------

    def submit(self, *triggers: dict[str, Any]) -> None:
        """Hand triggers over as a listener in another language does: through the task."""
        for trigger in triggers:
            self.celery.send_task("stamped.accept_trigger", args=(trigger,), queue=UPKEEP)

    def request(self, *jobs: Job) -> dict[Job, int]:
        """Ask for jobs as a Manual Sync does; the versions asked for."""
        return dict(zip(jobs, self.ledger.request_all(jobs, asker=parts.BY_HAND), strict=True))

    def publish(self, *jobs: Job) -> None:
        """Send one message for each job, owed or not."""
        for job in jobs:
            args = (job.system_id, job.customer_id)
            self.celery.send_task(TASK_OF[job.kind], args=args, queue=QUEUE_OF[job.kind])

    def settled(self, job: Job, version: int = 1) -> Record:
        """The record of a job once the run that was asked for as `version` has ended."""
        return self._record_once(job, lambda record: record.wanted >= version and record.has_settled(version))

    def stumbled(self, job: Job) -> Record:
        """The record of a job once it has failed, or rests after a failure."""
        return self._record_once(job, lambda record: record.state in {State.FAILED, State.WAITING})

    def _record_once(self, job: Job, holds: Callable[[Record], bool]) -> Record:
        record = self.eventually(lambda: (held := self.ledger.record(job)) and holds(held) and held)
        assert isinstance(record, Record)
        return record

    def eventually(self, condition: Callable[[], Any]) -> Any:
        """Wait until the condition holds, for as long as jobs or calls get on; its value."""
        return parts.eventually(condition, self._progress)

    def _progress(self) -> object:
        calls = len(self.sandbox.calls)
        try:
            return calls, [self.ledger.counts(kind) for kind in Kind]
        except LedgerUnavailable:
            return calls

    def done(self, jobs: Sequence[Job]) -> int:
        """How many of these jobs are done."""
        return sum(held is not None and held.state is State.DONE for held in self.ledger.records(jobs))

    # What the APIs saw ----------------------------------------------------------------------------------------------

    def calls(self) -> list[str]:
        """The calls since the last look, in the words of the contract."""
        made = [named(call) for call in self.sandbox.calls]
        self.sandbox.forget_calls()
        return made

    def linked(self, customer_id: str = ID, system_id: int = parts.SYSTEM) -> dict[str, Any]:
        """The Stamped.io customer that a customer is linked to."""
        return self.sandbox.stamped_customers[self.sandbox.links[system_id][customer_id]]


@contextlib.contextmanager
def scene(redis_url: str, folder: Path, sandbox: Sandbox) -> Iterator[Scene]:
    """A scene on an empty Redis, with one connection by the default template."""
    with serve(sandbox) as running, redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        env = parts.environment(redis_url, parts.write_connections(folder, running.url))
        yield Scene(folder, env, running.url, sandbox, client)


NAMES = {
    ("GET", "Customer"): "read",
    ("GET", "LookupExternal"): "look up",
    ("GET", "LookupSpaceport"): "look who",
    ("POST", "UpdateExternalId"): "link",
    ("POST", "add"): "create",
    ("POST", "customers"): "update",
    ("GET", "customers"): "read Stamped.io",
    ("POST", "subscribe"): "subscribe",
    ("POST", "unsubscribe"): "unsubscribe",
}


def named(call: Call) -> str:
    """What a call does, told by the last part of its path that is a word and no id."""
    words = [part for part in call.path.split("/") if part.isalpha() and part != "customer"]
    return NAMES[call.method, words[-1]]


def customer(customer_id: str = ID, system_id: int = parts.SYSTEM) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, system_id, customer_id)


def trigger(customer_id: object = ID, scope: str = "customer/updated", system_id: int = parts.SYSTEM) -> dict[str, Any]:
    """A trigger as iPaaS.com sends it."""
    notification = {"id": customer_id, "destination": str(system_id), "scope": scope, "tracking_guid": "0a8e0a8e"}
    return {"id": "6f0c", "attempt": 0, "notifications": [notification]}


def person(customer_id: str, **fields: object) -> dict[str, object]:
    """A customer of iPaaS.com with an e-mail address of its own."""
    return {"id": customer_id, "email_address": f"customer{customer_id}@example.com", "external_ids": []} | fields
