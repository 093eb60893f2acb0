"""A stage for the tasks: Celery as a worker runs it, but in the test's own thread, on the test's Valkey and sandbox."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import redis
from celery.app.trace import build_tracer

from tasks import transfer_customer
from tests import parts
from tests.integration.jobs import KIND_OF, take_message
from worker.app import app
from worker.config.settings import Settings
from worker.handover import open_ledger
from worker.jobs.job import Job, Kind
from worker.jobs.routes import CUSTOMERS, UPKEEP
from worker.ledger import Ledger, LedgerUnavailable, Limit, StoreLimits
from worker.runtime import Runtime
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from celery import Task

    from worker.effects import Effect, Moment, Witness
    from worker.ledger import Record
    from worker.sandbox.sandbox import Sandbox

ID = "150713"
JOB = Job(Kind.CUSTOMER, parts.SYSTEM, ID)
EMAIL = "zoe@example.com"
CREATE = "customers/add$"
NOWHERE = "redis://127.0.0.1:1/0"
"""Where no Redis listens."""


@dataclass
class Stage:
    """What the tasks work on, and what a test looks at afterwards."""

    folder: Path
    url: str
    """The address of both APIs."""
    sandbox: Sandbox
    client: redis.Redis
    patch: pytest.MonkeyPatch

    def build(self, redis_url: str, witness: Witness | None = None) -> None:
        """Start as a worker does, with the broker and the ledger on this Redis."""
        settings = Settings(redis_url=redis_url, connections=self.folder / "connections.toml")
        runtime = Runtime.build(settings, witness=witness) if witness else Runtime.build(settings)
        self.patch.setitem(app.__dict__, "runtime", runtime)
        self.move_broker(redis_url)

    def move_broker(self, redis_url: str) -> None:
        """Send messages to this Redis from now on."""
        self.patch.setattr(app.amqp, "_producer_pool", None)
        app.conf.update(broker_url=redis_url)

    def move_ledger(self, redis_url: str) -> None:
        """Look for jobs in this Redis from now on."""
        settings = app.runtime.settings.model_copy(update={"redis_url": redis_url})
        ledger = open_ledger(settings, app.runtime.connections)
        self.patch.setitem(app.__dict__, "runtime", replace(app.runtime, ledger=ledger))

    def limit(self, calls: int) -> None:
        """Let Stamped.io have no more calls than that in a minute, from now on."""
        ledger = Ledger(self.client, stores={parts.SYSTEM: StoreLimits(stamped=Limit(calls, 60))})
        self.patch.setitem(app.__dict__, "runtime", replace(app.runtime, ledger=ledger))

    def map_subscription(self, value: bool) -> None:
        """Map IsSubscribed to a Static value, from the next start on."""
        parts.write_connections(self.folder, self.url, subscription=value)

    @property
    def ledger(self) -> Ledger:
        """The ledger that the tasks use."""
        return app.runtime.ledger

    def record(self, job: Job = JOB) -> Record:
        """A job that is in the ledger."""
        record = self.ledger.record(job)
        assert record
        return record

    def messages(self, queue: str) -> list[tuple[str, list[Any]]]:
        """The task and the arguments of each message in a queue, oldest first."""
        texts: Any = self.client.lrange(queue, 0, -1)
        return [_message(json.loads(text)) for text in reversed(texts)]

    @property
    def called(self) -> list[str]:
        """The last words of the paths that were called."""
        return [call.path.rsplit("/", 1)[-1] for call in self.sandbox.calls]

    def refuse(self, status: int, path: str = CREATE, **headers: str) -> None:
        """Let every call to this path be refused, in words that name the customer."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        body = {"message": f"{EMAIL}, Zoë: no"}
        self.sandbox.add_fault(Fault(path=path, status=status, body=body, headers=named))

    @property
    def queued(self) -> dict[str, int]:
        """How many messages there are in the queues that have any."""
        return {queue: length for queue, length in self.ledger.figures().queues.items() if length}


def _message(message: dict[str, Any]) -> tuple[str, list[Any]]:
    return message["headers"]["task"], json.loads(b64decode(message["body"]))[0]


@dataclass(frozen=True)
class Run:
    """How a task ended: its state, what it returned or raised, and the traceback that Flower would show."""

    state: str
    value: Any
    traceback: str


def run(task: Task[..., Any], *args: Any, queue: str = CUSTOMERS) -> Run:
    """Run a task as a worker does that gets its message from this queue, if it is there."""
    if task.name in KIND_OF and len(args) == 2:
        with suppress(LedgerUnavailable, redis.RedisError):
            take_message(app.runtime.ledger, Job(KIND_OF[task.name], *args))
    request = {
        "id": "task-1",
        "task": task.name,
        "args": args,
        "kwargs": {},
        "delivery_info": {"exchange": "", "routing_key": queue},
        "hostname": "here",
    }
    traced = build_tracer(task.name, app.tasks[task.name], app=app)("task-1", list(args), {}, request)
    if traced.info is None:
        return Run("SUCCESS", traced.retval, "")
    return Run(traced.info.state, traced.info.retval, str(getattr(traced.retval, "traceback", "")))


def transferred(stage: Stage, *, debug: bool = False) -> Run:
    """Ask for the customer and run its job, as a worker does."""
    stage.ledger.request(JOB, debug=debug)
    return run(transfer_customer, parts.SYSTEM, ID, queue=UPKEEP if debug else CUSTOMERS)


def at(effect: Effect, moment: Moment, act: Callable[[], object]) -> Witness:
    """A witness that acts at one moment."""

    def witness(seen: Effect, seen_moment: Moment) -> None:
        if (seen, seen_moment) == (effect, moment):
            act()

    return witness
