"""Retries in the ledger: jobs that rest until they are due, and failed ones that a schedule reopens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import parts
from tests.integration.jobs import CALLS, FAILURE, JOB, claimed, pushed_by, record_of, refused_because
from worker.jobs.job import Action, Job, Kind, State

if TYPE_CHECKING:
    from tests.conftest import Clock
    from worker.ledger import Ledger


def test_deferred_job_rests_until_it_is_due(ledger: Ledger, clock: Clock) -> None:
    """A retry runs when it is due, not before, and remembers how many attempts failed."""
    ledger.defer(claimed(ledger), CALLS, 120, FAILURE, carried=False)
    assert refused_because(ledger) == "waiting"
    assert record_of(ledger).failure == FAILURE
    clock.advance(120)
    assert ledger.claim(JOB).attempt == 1


def test_trigger_does_not_hurry_a_resting_job(ledger: Ledger) -> None:
    """A trigger for a job that rests is done by its retry; a manual sync runs it now, with its attempts reset."""
    ledger.defer(claimed(ledger), CALLS, 7200, FAILURE, carried=False)
    assert pushed_by(ledger, lambda: ledger.request(JOB)) == []
    assert pushed_by(ledger, lambda: ledger.request(JOB, asker=parts.BY_HAND)) == [JOB]
    assert ledger.claim(JOB).attempt == 0


def test_manual_sync_during_a_failing_run_is_not_put_off(ledger: Ledger) -> None:
    """What was asked for by hand while a run was failing starts over at once, with its attempts reset."""
    claim = claimed(ledger)
    ledger.request(JOB, asker=parts.BY_HAND)
    ended = ledger.defer(claim, CALLS, 7200, FAILURE, carried=False)
    assert (ended.is_requeued, record_of(ledger).state) == (True, State.SENT)
    assert ledger.claim(JOB).attempt == 0


def test_manual_sync_during_a_failing_run_is_done_once(ledger: Ledger) -> None:
    """The run that it was given rests like any other when it fails too."""
    claim = claimed(ledger)
    ledger.request(JOB, asker=parts.BY_HAND)
    ledger.defer(claim, CALLS, 7200, FAILURE, carried=False)
    ended = ledger.defer(ledger.claim(JOB), CALLS, 7200, FAILURE, carried=False)
    assert (ended.is_requeued, record_of(ledger).state) == (False, State.WAITING)


def test_trigger_during_a_failing_run_rests_with_it(ledger: Ledger) -> None:
    """It hurries no retry: the run that is due later is the one that it asked for."""
    claim = claimed(ledger)
    ledger.request(JOB)
    ended = ledger.defer(claim, CALLS, 7200, FAILURE, carried=False)
    assert (ended.is_requeued, record_of(ledger).state) == (False, State.WAITING)


def test_manual_sync_of_a_run_that_ends_well_is_one_more_run(ledger: Ledger) -> None:
    """It asked for what the customer is since; a failure of that run is put off like any other."""
    claim = claimed(ledger)
    ledger.request(JOB, asker=parts.BY_HAND)
    assert pushed_by(ledger, lambda: ledger.complete(claim, CALLS, Action.UPDATED, "1")) == [JOB]
    assert not ledger.defer(ledger.claim(JOB), CALLS, 7200, FAILURE, carried=False).is_requeued


def test_failed_subscriptions_are_reopened_for_seven_days(ledger: Ledger, clock: Clock) -> None:
    """The schedule reopens failed subscription jobs until seven days after the first failure, and leaves older ones."""
    job = JOB.subscription
    ledger.fail(claimed(ledger, job), CALLS, FAILURE)
    for _ in range(3):
        clock.advance(2 * 24 * 3600)
        assert ledger.retry_failed(Kind.SUBSCRIPTION, 7) == 1
        ledger.admit(4021)
        ledger.fail(ledger.claim(job), CALLS, FAILURE)
    clock.advance(2 * 24 * 3600)
    assert ledger.retry_failed(Kind.SUBSCRIPTION, 7) == 0
    assert record_of(ledger, job).state is State.FAILED


def test_reopening_goes_through_every_page(ledger: Ledger, clock: Clock) -> None:
    """More failed jobs than a page holds are all reopened, old ones between them left out."""
    old = [Job(Kind.SUBSCRIPTION, 4021, str(number)) for number in range(700)]
    new = [Job(Kind.SUBSCRIPTION, 4021, str(number)) for number in range(1000, 1700)]
    for jobs in (old, new):
        ledger.request_all(jobs)
        for job in jobs:
            ledger.fail(ledger.claim(job), CALLS, FAILURE)
        clock.advance(5 * 24 * 3600)
    assert ledger.retry_failed(Kind.SUBSCRIPTION, 7) == len(new)
    assert {record.job for record in parts.in_state(ledger, State.FAILED, Kind.SUBSCRIPTION)} == set(old)
