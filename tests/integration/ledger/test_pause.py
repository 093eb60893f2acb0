"""A store that a person has paused: its jobs wait, whatever else happens to it, until somebody resumes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.jobs import CALLS, FAILURE, JOB, OTHER, claimed, pushed_by, refused_because, take_message
from worker.jobs.asking import SOMEBODY, Asker, Source
from worker.jobs.job import Action, Job, Kind, State
from worker.jobs.retries import Pause
from worker.ledger import ClaimRefused, Ledger, StoreLimits
from worker.ledger.memory.event import PAUSED, RELEASED, RESUMED, EventFilter
from worker.ledger.records import CarryOn

if TYPE_CHECKING:
    import redis

    from tests.conftest import Clock

SYSTEM = JOB.system_id
ELSEWHERE = Job(Kind.CUSTOMER, 4022, "150713")
ANNA = Asker(Source.PERSON, "anna")
OUTAGE = Pause(60, 600)


def state_of(ledger: Ledger, job: Job = JOB) -> State | None:
    """Where a job stands."""
    record = ledger.record(job)
    return record.state if record else None


def test_jobs_of_a_paused_store_wait_and_others_do_not(client: redis.Redis) -> None:
    """Triggers are still taken."""
    ledger = Ledger(client, stores=dict.fromkeys((SYSTEM, ELSEWHERE.system_id), StoreLimits()))
    assert ledger.pause(SYSTEM, ANNA, "the store moves")
    assert pushed_by(ledger, lambda: ledger.request_all([JOB, ELSEWHERE])) == [ELSEWHERE]
    assert state_of(ledger) is State.QUEUED
    assert ledger.admit(SYSTEM) is None
    assert pushed_by(ledger, lambda: ledger.resume(SYSTEM, ANNA) and ledger.admit_due()) == [JOB]


def test_a_message_that_is_on_its_way_wakes_nobody(ledger: Ledger) -> None:
    """The job goes back to its place, and its slots are free."""
    ledger.request(JOB)
    take_message(ledger, JOB)
    ledger.pause(SYSTEM)
    assert refused_because(ledger) == State.QUEUED
    assert state_of(ledger) is State.QUEUED
    assert ledger.figures().stores[SYSTEM].under_way == 0


def test_a_job_that_runs_goes_on_to_its_end_and_carries_nobody_on(ledger: Ledger) -> None:
    """What it writes next is not stopped half-way."""
    claim = claimed(ledger)
    ledger.request(OTHER)
    ledger.pause(SYSTEM)
    ledger.renew(claim)
    ended = ledger.complete(claim, CALLS, Action.UPDATED, "1", carry_on=CarryOn.STORE)
    assert ended.next_claim is None
    assert (state_of(ledger), state_of(ledger, OTHER)) == (State.DONE, State.SENT)
    assert refused_because(ledger, OTHER) == State.QUEUED


def test_a_retry_that_is_due_waits_too(ledger: Ledger, clock: Clock) -> None:
    """Whether its message brings it back, or the sweep does."""
    for carried in (True, False):
        job = JOB if carried else OTHER
        ledger.defer(claimed(ledger, job), CALLS, 20, FAILURE, carried=carried)
    ledger.pause(SYSTEM)
    clock.advance(60)
    assert refused_because(ledger) == State.QUEUED
    ledger.sweep(Kind.CUSTOMER)
    assert ledger.admit(SYSTEM) is None
    assert {state_of(ledger), state_of(ledger, OTHER)} == {State.QUEUED}


def test_a_rerun_by_hand_waits_too(ledger: Ledger) -> None:
    """Whoever paused the store meant all of its jobs."""
    ledger.pause(SYSTEM)
    ledger.request(JOB, parts.BY_HAND, debug=True)
    with pytest.raises(ClaimRefused):
        ledger.claim(JOB)


def test_a_pause_comes_before_a_hold_and_leaves_it(ledger: Ledger) -> None:
    """Resumed, the store is held as before."""
    ledger.hold(claimed(ledger), CALLS, FAILURE, OUTAGE)
    ledger.pause(SYSTEM, ANNA, "the store moves")
    hold = ledger.hold_of(SYSTEM)
    assert hold
    assert (hold.is_paused, hold.code, hold.failure.detail) == (True, "connection-paused", "by anna: the store moves")
    assert (hold.is_over, hold.ends_at) == (False, None)
    assert ledger.figures().holds == [hold]
    ledger.resume(SYSTEM)
    hold = ledger.hold_of(SYSTEM)
    assert hold
    assert (hold.is_paused, hold.code) == (False, FAILURE.code)


def test_the_end_of_a_hold_ends_no_pause(ledger: Ledger, clock: Clock) -> None:
    """Neither by hand nor because its time is over."""
    ledger.hold(claimed(ledger), CALLS, FAILURE, OUTAGE)
    ledger.pause(SYSTEM)
    clock.advance(61)
    assert ledger.admit(SYSTEM) is None
    assert ledger.release(SYSTEM)
    assert not ledger.release(SYSTEM)
    assert ledger.admit(SYSTEM) is None
    assert [hold.is_paused for hold in ledger.holds()] == [True]


def test_pausing_twice_changes_nothing(ledger: Ledger) -> None:
    """The first one's reason stays; nor does resuming what is not paused."""
    assert ledger.pause(SYSTEM, ANNA, "first")
    assert not ledger.pause(SYSTEM, SOMEBODY, "second")
    assert [hold.failure.detail for hold in ledger.holds()] == ["by anna: first"]
    assert ledger.resume(SYSTEM)
    assert not ledger.resume(SYSTEM)


def test_who_did_it_is_remembered(ledger: Ledger) -> None:
    """With the reason; what changed nothing is not."""
    ledger.hold(claimed(ledger), CALLS, FAILURE, OUTAGE)
    ledger.release(SYSTEM, ANNA)
    ledger.pause(SYSTEM, ANNA, "the store moves")
    ledger.pause(SYSTEM, ANNA, "again")
    ledger.resume(SYSTEM, SOMEBODY)
    ledger.resume(SYSTEM, SOMEBODY)
    events = ledger.events.page(EventFilter(source=Source.PERSON)).events
    assert [(each.outcome, each.system_id, each.asker.user, each.note, each.code) for each in events] == [
        (RESUMED, SYSTEM, "", "", ""),
        (PAUSED, SYSTEM, "anna", "the store moves", ""),
        (RELEASED, SYSTEM, "anna", "", FAILURE.code),
    ]


def test_a_discarded_job_is_remembered_with_its_reason(ledger: Ledger) -> None:
    """Its life does not end with its row."""
    ledger.fail(claimed(ledger), CALLS, FAILURE)
    assert ledger.discard_all([JOB, OTHER], ANNA, "a test customer") == 1
    discarded, failed = ledger.events.life_of(JOB)
    assert (discarded.outcome, discarded.asker, discarded.note) == ("discarded", ANNA, "a test customer")
    assert (discarded.code, failed.outcome) == (FAILURE.code, "failed")
    assert not ledger.events.life_of(OTHER)


@pytest.mark.parametrize("text", ['by "anna"', "Zoë\n", "\\", "{}", "😀"])
def test_any_user_and_reason_is_remembered(ledger: Ledger, text: str) -> None:
    """As it was given."""
    asker = Asker(Source.PERSON, text.strip())
    ledger.pause(SYSTEM, asker, text)
    [event] = ledger.events.page(EventFilter(system_id=SYSTEM)).events
    assert (event.asker, event.note) == (asker, text)
    assert ledger.holds()[0].failure.detail == f"by {text.strip()}: {text}"
