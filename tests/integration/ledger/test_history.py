"""A job's history on a real Valkey: its first attempt in its row, the others in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.jobs import CALLS, FAILURE, JOB, calls_of, claimed
from worker.jobs.calls import Api, MadeCall
from worker.jobs.job import Action

if TYPE_CHECKING:
    import redis

    from worker.ledger import Ledger

LISTED = "stamped-sync:history:customer:4021:150713"
UNDER_WAY = {"queued_at", "message_at", "lease_until", "claimed", "messages", "next_version", "triggered"}
KEPT = 20
SILENT = MadeCall(Api.STAMPED, "POST", "dashboard/customers/add", None, 15_000)
LONG = MadeCall(Api.IPAAS, "GET", "customers/v2/External/LookupSpaceport/{system_id}/customer/{external_id}", 200, 7)


def complete(ledger: Ledger, calls: list[MadeCall]) -> None:
    """Run the job once, well."""
    ledger.complete(claimed(ledger), calls, Action.UPDATED, "1")


@pytest.mark.parametrize("calls", [[], CALLS, [*CALLS, SILENT]], ids=["none", "usual", "unanswered"])
def test_first_attempt_is_kept_in_the_row(ledger: Ledger, client: redis.Redis, calls: list[MadeCall]) -> None:
    """It is shown like any other, and takes no list."""
    complete(ledger, calls)
    [attempt] = ledger.activity.history(JOB)
    assert (attempt.outcome, attempt.ms, attempt.worker, attempt.failure) == (Action.UPDATED, 0, "", None)
    assert attempt.at is not None
    assert attempt.calls == calls
    assert not client.exists(LISTED)


@pytest.mark.parametrize("calls", [[LONG], calls_of(5, 1)], ids=["long", "many"])
def test_first_attempt_that_is_too_long_is_listed(ledger: Ledger, client: redis.Redis, calls: list[MadeCall]) -> None:
    """A long value would make the row several times as large."""
    complete(ledger, calls)
    [attempt] = ledger.activity.history(JOB)
    assert attempt.calls == calls
    assert client.llen(LISTED) == 1


def test_later_attempts_come_before_the_first(ledger: Ledger) -> None:
    """The newest is shown first."""
    complete(ledger, CALLS[:1])
    ledger.fail(claimed(ledger), CALLS[:2], FAILURE)
    complete(ledger, CALLS)
    shown = [(attempt.outcome, len(attempt.calls)) for attempt in ledger.activity.history(JOB)]
    assert shown == [(Action.UPDATED, 3), ("failed", 2), (Action.UPDATED, 1)]


def test_first_attempt_is_forgotten_like_any_other(ledger: Ledger, client: redis.Redis) -> None:
    """No more attempts are kept than the list holds, whether the first was in the row or not."""
    for _ in range(KEPT + 1):
        complete(ledger, CALLS)
    assert len(ledger.activity.history(JOB)) == KEPT
    assert not client.hexists(ledger.key(JOB), "first")


def test_history_that_an_earlier_release_listed_goes_on(ledger: Ledger, client: redis.Redis) -> None:
    """Its list holds the first attempt too, and nothing is put into the row."""
    error = '"error":null,"calls":[["iPaaS.com","GET","customers/v2/Customer/{id}",200,7,1]]'
    client.rpush(LISTED, f'{{"at":1795710905057,"ms":53,"worker":"vm/4608","outcome":"created",{error}}}')
    complete(ledger, CALLS)
    assert [attempt.outcome for attempt in ledger.activity.history(JOB)] == [Action.UPDATED, "created"]


def test_row_of_a_job_that_has_ended_is_short(ledger: Ledger, client: redis.Redis) -> None:
    """It keeps nothing that matters only while the job is under way."""
    complete(ledger, CALLS)
    assert UNDER_WAY.isdisjoint(client.hgetall(ledger.key(JOB)))
    assert client.object("encoding", ledger.key(JOB)) == "listpack"
