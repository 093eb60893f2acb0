"""Jobs on a ledger, and the steps of their life as tests take them."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.parts import SYSTEM
from worker.jobs.calls import Api, MadeCall
from worker.jobs.catalogue import Failure
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind
from worker.jobs.routes import QUEUES, TASK_OF
from worker.ledger import Claim, ClaimRefused, Ledger, Record

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = Job(Kind.CUSTOMER, SYSTEM, "150713")
OTHER = Job(Kind.CUSTOMER, SYSTEM, "150714")
KIND_OF = {TASK_OF[kind]: kind for kind in Kind}


def calls_of(ipaas: int, stamped: int, last: Intent = Intent.ACCEPTED) -> list[MadeCall]:
    """Calls that an attempt made: first of iPaaS.com, then of Stamped.io, all answered well but for the last one."""
    calls = [MadeCall(Api.IPAAS, "GET", "customers/v2/Customer/{id}", 200, 10)] * ipaas
    calls += [MadeCall(Api.STAMPED, "POST", "dashboard/customers/{id}", 200, 20)] * stamped
    return [*calls[:-1], replace(calls[-1], intent=last)]


CALLS = calls_of(2, 1)
FAILURE = Failure("customer-write-failed", 422, "rejected")


def claimed(ledger: Ledger, job: Job = JOB) -> Claim:
    """A job that was asked for, and claimed by whoever took its message."""
    ledger.request(job)
    take_message(ledger, job)
    return ledger.claim(job)


def record_of(ledger: Ledger, job: Job = JOB) -> Record:
    """A job that is in the ledger."""
    record = ledger.record(job)
    assert record
    return record


def refused_because(ledger: Ledger, job: Job = JOB) -> str:
    """Why the job can't be claimed."""
    with pytest.raises(ClaimRefused) as refused:
        ledger.claim(job)
    return refused.value.state


def pushed_by(ledger: Ledger, act: Callable[[], object]) -> list[Job]:
    """The jobs whose messages an act pushes, queue by queue, the oldest first."""
    before = set(_messages(ledger))
    act()
    return [_job_of(text) for text in _messages(ledger) if text not in before]


def admitted(ledger: Ledger, system_id: int = SYSTEM) -> list[Job]:
    """The jobs of a store that are let run now."""
    return pushed_by(ledger, lambda: ledger.admit(system_id))


def take_message(ledger: Ledger, job: Job) -> None:
    """Take the oldest message of a job off its queue, if there is one."""
    client: Any = ledger._client  # noqa: SLF001 - it is the tests' own Redis
    for queue in QUEUES:
        for text in [text for text in _texts(client, queue) if _job_of(text) == job][:1]:
            client.lrem(queue, -1, text)


def taken(ledger: Ledger) -> list[Job]:
    """Take all messages off the queues, as a worker does: their jobs."""
    jobs = [_job_of(text) for text in _messages(ledger)]
    lose_messages(ledger)
    return jobs


def lose_messages(ledger: Ledger) -> None:
    """Let every message be lost that is on its way."""
    ledger._client.delete(*QUEUES)  # noqa: SLF001 - it is the tests' own Redis


def swept(ledger: Ledger) -> list[Job]:
    """The jobs that are sent again after a sweep."""
    ledger.sweep(Kind.CUSTOMER)
    return admitted(ledger)


def _messages(ledger: Ledger) -> list[str]:
    return [text for queue in QUEUES for text in _texts(ledger._client, queue)]  # noqa: SLF001 - as above


def _texts(client: Any, queue: str) -> list[str]:
    """The messages of jobs in a queue, the oldest first."""
    texts = reversed(client.lrange(queue, 0, -1))
    return [text for text in texts if text.startswith("{") and json.loads(text)["headers"]["task"] in KIND_OF]


def _job_of(text: str) -> Job:
    message = json.loads(text)
    (system_id, customer_id), *_ = json.loads(b64decode(message["body"]))
    return Job(KIND_OF[message["headers"]["task"]], system_id, customer_id)
