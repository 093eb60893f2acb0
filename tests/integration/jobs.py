"""Jobs on a ledger, and the steps of their life as tests take them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.parts import SYSTEM
from worker.jobs.calls import Api, MadeCall
from worker.jobs.catalogue import Failure
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind
from worker.ledger import Claim, ClaimRefused, Ledger, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.ledger import Message

JOB = Job(Kind.CUSTOMER, SYSTEM, "150713")
OTHER = Job(Kind.CUSTOMER, SYSTEM, "150714")


def calls_of(ipaas: int, stamped: int, last: Intent = Intent.ACCEPTED) -> list[MadeCall]:
    """Calls that an attempt made: first of iPaaS.com, then of Stamped.io, all answered well but for the last one."""
    calls = [MadeCall(Api.IPAAS, "GET", "customers/v2/Customer/{id}", 200, 10)] * ipaas
    calls += [MadeCall(Api.STAMPED, "POST", "dashboard/customers/{id}", 200, 20)] * stamped
    return [*calls[:-1], replace(calls[-1], intent=last)]


CALLS = calls_of(2, 1)
FAILURE = Failure("customer-write-failed", 422, "rejected")


def claimed(ledger: Ledger, job: Job = JOB) -> Claim:
    """A job that was asked for and claimed."""
    ledger.request(job)
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


def of_messages(messages: Sequence[Message]) -> list[Job]:
    """The jobs that messages are for."""
    return [message.job for message in messages]


def swept(ledger: Ledger) -> list[Job]:
    """The jobs that are sent again after a sweep."""
    ledger.sweep(Kind.CUSTOMER)
    return of_messages(ledger.admit(SYSTEM)[0])
