"""The ledger on a real Valkey, with a clock that the tests move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.errors import Failure
from worker.job import Action, Job, Kind, Next
from worker.ledger import (
    Claim,
    ClaimLost,
    ClaimRefused,
    Ledger,
    LedgerUnavailable,
    Message,
    Refusal,
    Requested,
    State,
    connect,
)

if TYPE_CHECKING:
    import redis

    from tests.conftest import Clock

JOB = Job(Kind.CUSTOMER, 4021, "150713")
OTHER = Job(Kind.CUSTOMER, 4021, "150714")
CALLS = {"stamped": 1, "ipaas": 2}
FAILURE = Failure("customer-write-failed", 422, "rejected")


def claimed(ledger: Ledger, job: Job = JOB) -> Claim:
    """A job that was asked for and claimed."""
    ledger.request(job)
    return ledger.claim(job)


def state_of(ledger: Ledger, job: Job = JOB) -> str | None:
    """Where the job stands."""
    record = ledger.record(job)
    return record.state if record else None


def swept(ledger: Ledger) -> list[Job]:
    """The jobs that a sweep brings back, and that are sent again since."""
    ledger.sweep(Kind.CUSTOMER)
    return [message.job for message in ledger.admit(4021)[0]]


def refused_because(ledger: Ledger, job: Job = JOB) -> str:
    """Why the job can't be claimed."""
    with pytest.raises(ClaimRefused) as refused:
        ledger.claim(job)
    return refused.value.state


def test_first_request_owes_a_message(ledger: Ledger) -> None:
    """The first request of a job owes a message and asks for version 1."""
    assert ledger.request(JOB) == Requested(JOB, 1, (Message(JOB),))


def test_burst_of_requests_owes_one_message(ledger: Ledger) -> None:
    """Further requests while a message is on its way raise the wanted version and owe nothing."""
    assert [len(ledger.request(JOB).messages) for _ in range(50)] == [1] + [0] * 49
    assert ledger.claim(JOB).version == 50


def test_request_while_running_owes_one_more_run(ledger: Ledger) -> None:
    """What is asked for during a run is seen by one more run after it."""
    claim = claimed(ledger)
    assert [ledger.request(JOB).messages for _ in range(3)] == [()] * 3
    assert ledger.complete(claim, CALLS, Action.CREATED, "1").messages == (Message(JOB),)
    assert ledger.claim(JOB).version == 4


def test_running_job_is_refused_to_a_second_worker(ledger: Ledger) -> None:
    """A second message for a running job ends at once."""
    claimed(ledger)
    assert refused_because(ledger) == "running"


@pytest.mark.parametrize("end", ["done", "failed"])
def test_ended_job_is_refused(ledger: Ledger, end: str) -> None:
    """A second message for a job that ended does nothing."""
    claim = claimed(ledger)
    if end == "done":
        ledger.complete(claim, CALLS, Action.CREATED, "1")
    else:
        ledger.fail(claim, CALLS, FAILURE)
    assert refused_because(ledger) == end


def test_job_that_nobody_asked_for_is_refused(ledger: Ledger) -> None:
    """A message alone runs nothing."""
    assert refused_because(ledger) == "unknown"


def test_lease_that_ran_out_can_be_claimed(ledger: Ledger, clock: Clock) -> None:
    """A killed worker's job is free when its lease has run out, and the killed worker's claim is void."""
    dead = claimed(ledger)
    clock.advance(46)
    assert swept(ledger) == [JOB]
    alive = ledger.claim(JOB)
    for attempt in (lambda: ledger.renew(dead), lambda: ledger.complete(dead, CALLS, Action.CREATED, "1")):
        with pytest.raises(ClaimLost):
            attempt()
    with pytest.raises(ClaimLost):
        ledger.fail(dead, CALLS, FAILURE)
    with pytest.raises(ClaimLost):
        ledger.defer(dead, CALLS, 1, FAILURE, carried=True)
    assert ledger.complete(alive, CALLS, Action.CREATED, "1").messages == ()


def test_renewed_lease_lasts(ledger: Ledger, clock: Clock) -> None:
    """Renewing before each call keeps a long job claimed."""
    claim = claimed(ledger)
    for _ in range(5):
        clock.advance(40)
        ledger.renew(claim)
    assert refused_because(ledger) == "running"


def test_customer_job_hands_over_in_the_same_step(ledger: Ledger) -> None:
    """Completing a customer job puts its subscription job into the ledger, with the Stamped.io id."""
    ended = ledger.complete(claimed(ledger), CALLS, Action.CREATED, "143491", Next.SUBSCRIPTION)
    assert ended.messages == (Message(JOB.subscription),)
    record = ledger.record(JOB)
    assert record
    assert (record.state, record.action, record.stamped_id, record.subscription_version) == (
        State.DONE,
        "created",
        "143491",
        1,
    )
    assert ledger.claim(JOB.subscription).stamped_id == "143491"


def test_known_subscription_state_is_noted_without_a_run(ledger: Ledger) -> None:
    """A subscription that is already as mapped is done at once and owes nothing."""
    assert ledger.complete(claimed(ledger), CALLS, Action.UPDATED, "143491", Next.UNCHANGED).messages == ()
    record = ledger.record(JOB.subscription)
    assert record
    assert (record.state, record.action) == (State.DONE, "unchanged")
    assert record.has_settled(1)


def test_known_subscription_state_waits_for_a_running_reconcile(ledger: Ledger) -> None:
    """A reconcile that is under way is run once more rather than overwritten."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "1", Next.SUBSCRIPTION)
    reconcile = ledger.claim(JOB.subscription)
    ledger.complete(claimed(ledger), CALLS, Action.UPDATED, "1", Next.UNCHANGED)
    assert state_of(ledger, JOB.subscription) == "running"
    assert ledger.complete(reconcile, CALLS, Action.SUBSCRIBED, "1").messages == (Message(JOB.subscription),)


def test_deferred_job_rests_until_it_is_due(ledger: Ledger, clock: Clock) -> None:
    """A retry runs when it is due, not before, and remembers how many attempts failed."""
    ledger.defer(claimed(ledger), CALLS, 120, FAILURE, carried=False)
    assert refused_because(ledger) == "waiting"
    record = ledger.record(JOB)
    assert record
    assert record.failure == FAILURE
    clock.advance(120)
    assert ledger.claim(JOB).attempt == 1


def test_trigger_does_not_hurry_a_resting_job(ledger: Ledger) -> None:
    """A trigger for a job that rests is done by its retry; a manual sync runs it now, with its attempts reset."""
    ledger.defer(claimed(ledger), CALLS, 7200, FAILURE, carried=False)
    assert not ledger.request(JOB).messages
    assert ledger.request(JOB, urgent=True).messages
    assert ledger.claim(JOB).attempt == 0


def test_new_trigger_reopens_a_failed_job(ledger: Ledger) -> None:
    """A failed job is kept with its error, and a new trigger runs it again."""
    ledger.fail(claimed(ledger), CALLS, FAILURE)
    record = ledger.record(JOB)
    assert record
    assert (record.state, record.failure, record.has_settled(1)) == (State.FAILED, FAILURE, True)
    assert ledger.request(JOB).messages
    assert state_of(ledger) == "sent"


def test_failure_of_an_old_version_does_not_end_the_job(ledger: Ledger) -> None:
    """A trigger that came while the job was failing gets its own run."""
    claim = claimed(ledger)
    ledger.request(JOB)
    assert ledger.fail(claim, CALLS, FAILURE).messages == (Message(JOB),)
    assert ledger.claim(JOB).version == 2


def test_same_token_is_granted_twice(client: redis.Redis, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim whose answer was cut off is granted again to the same worker."""
    assert client.ping()
    monkeypatch.setattr("uuid.uuid4", type("Fixed", (), {"hex": "token"}))
    ledger.request(JOB, tracking_guid="0a8e")
    assert ledger.claim(JOB).token == ledger.claim(JOB).token


def test_sweep_sends_due_retries(ledger: Ledger, clock: Clock) -> None:
    """A retry that rests in the ledger is sent when it is due; one that Celery carries gets a grace first."""
    ledger.defer(claimed(ledger), CALLS, 120, FAILURE, carried=False)
    ledger.defer(claimed(ledger, OTHER), CALLS, 120, FAILURE, carried=True)
    assert swept(ledger) == []
    clock.advance(120)
    assert swept(ledger) == [JOB]
    clock.advance(16)
    assert swept(ledger) == [OTHER]


def test_sweep_sends_jobs_of_killed_workers(ledger: Ledger, clock: Clock) -> None:
    """A lease that ran out is found and the job sent again, once."""
    claimed(ledger)
    clock.advance(46)
    assert swept(ledger) == [JOB]
    assert swept(ledger) == []


def test_sweep_fails_a_job_that_kills_its_workers(ledger: Ledger, clock: Clock) -> None:
    """A job whose workers die again and again ends as worker-lost instead of killing workers for ever."""
    ledger.request(JOB)
    for _ in range(5):
        ledger.claim(JOB)
        clock.advance(46)
        assert swept(ledger) == [JOB]
    ledger.claim(JOB)
    clock.advance(46)
    assert swept(ledger) == []
    record = ledger.record(JOB)
    assert record
    assert record.failure
    assert (record.state, record.failure.code) == (State.FAILED, "worker-lost")


def test_sweep_finds_a_lost_message_in_an_empty_queue(ledger: Ledger, clock: Clock) -> None:
    """With an empty queue, a message that nobody started in time is lost."""
    ledger.request(JOB)
    clock.advance(29)
    assert swept(ledger) == []
    clock.advance(2)
    assert swept(ledger) == [JOB]


def test_sweep_leaves_a_long_queue_alone(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """A message that still waits in a queue is not lost, however long it waits."""
    client.lpush("customers", "a message")
    ledger.request(JOB)
    clock.advance(3600)
    assert swept(ledger) == []


def test_sweep_finds_a_lost_message_behind_newer_ones(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """First in, first out: a message is lost when one that was sent well after it has been started."""
    client.lpush("customers", "a message")
    ledger.request(JOB)
    clock.advance(31)
    ledger.request(OTHER)
    assert swept(ledger) == []
    ledger.claim(OTHER)
    assert swept(ledger) == [JOB]


def test_debug_job_does_not_make_others_look_lost(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """A debug job overtakes the queue, so its start says nothing of the messages in it."""
    client.lpush("customers", "a message")
    ledger.request(JOB)
    clock.advance(31)
    ledger.request(OTHER, debug=True)
    ledger.claim(OTHER)
    assert swept(ledger) == []


def test_sweep_is_bounded(ledger: Ledger, clock: Clock) -> None:
    """One sweep sends no more than its limit."""
    ledger.request_all([Job(Kind.CUSTOMER, 4021, str(number)) for number in range(25)])
    clock.advance(31)
    assert [ledger.sweep(Kind.CUSTOMER, limit=10).lost for _ in range(4)] == [10, 10, 5, 0]


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
    assert state_of(ledger, job) == "failed"


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
    assert {record.job for record in ledger.in_state(State.FAILED, Kind.SUBSCRIPTION)} == set(old)


def test_ended_jobs_are_forgotten_in_time(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """Finished jobs are kept 7 days, failed ones 30, and the indexes with them."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "1")
    ledger.fail(claimed(ledger, OTHER), CALLS, FAILURE)
    day_ms = 24 * 3600 * 1000
    assert 6.9 * day_ms < client.pttl(ledger.key(JOB)) <= 7 * day_ms
    assert 29.9 * day_ms < client.pttl(ledger.key(OTHER)) <= 30 * day_ms
    clock.advance(8 * 24 * 3600)
    ledger.sweep(Kind.CUSTOMER)
    assert (ledger.counts(Kind.CUSTOMER).done, ledger.counts(Kind.CUSTOMER).failed) == (0, 1)
    clock.advance(23 * 24 * 3600)
    ledger.sweep(Kind.CUSTOMER)
    assert ledger.counts(Kind.CUSTOMER).failed == 0


def test_job_that_is_asked_for_again_is_kept(client: redis.Redis, ledger: Ledger) -> None:
    """A finished job that is asked for again no longer expires."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "1")
    ledger.request(JOB)
    assert client.pttl(ledger.key(JOB)) == -1


def test_only_failed_jobs_can_be_discarded(ledger: Ledger) -> None:
    """Discarding forgets a failed job and no other."""
    claim = claimed(ledger)
    assert not ledger.discard(JOB)
    ledger.fail(claim, CALLS, FAILURE)
    assert ledger.discard(JOB)
    assert ledger.record(JOB) is None
    assert ledger.counts(Kind.CUSTOMER).failed == 0


def test_refusal_is_noted_once(ledger: Ledger) -> None:
    """The same refused notification, delivered twice, stays one."""
    refusal = Refusal("scope-unsupported", "customer/deleted", "6f0c", 1, "4021", "customer/deleted", "150713")
    ledger.refuse(refusal)
    ledger.refuse(refusal)
    assert [noted.code for noted in ledger.refusals()] == ["scope-unsupported"]


def test_every_job_is_in_exactly_one_index(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """Whatever happens to a job, it stands in the index of its state and in no other."""
    for _ in range(3):
        claim = claimed(ledger)
        ledger.defer(claim, CALLS, 10, FAILURE, carried=True)
        clock.advance(11)
        ledger.fail(ledger.claim(JOB), CALLS, FAILURE)
        ledger.request(JOB)
        ledger.complete(ledger.claim(JOB), CALLS, Action.CREATED, "1")
    found = [state for state in State if client.zscore(f"stamped-sync:{state}:customer", "4021:150713") is not None]
    assert found == [State.DONE]


def test_redis_that_does_not_answer_is_told_plainly() -> None:
    """A Redis that is down raises one error of ours, which says no more than the kind of fault."""
    with pytest.raises(LedgerUnavailable, match="ConnectionError"):
        Ledger(connect("redis://127.0.0.1:1/0")).request(JOB)


def test_switched_off_triggers_do_not_push_refusals_out(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trigger that is switched off comes for every customer; the refusals that matter stay."""
    monkeypatch.setattr("worker.ledger.ledger.REFUSALS_KEPT", 3)
    ledger.refuse(Refusal("connection-unknown", "9", "6f0c", 1, "9", "customer/created", "1"))
    for number in range(5):
        ledger.refuse(Refusal("trigger-off", "", "6f0c", number, "4021", "customer/created", str(number)))
    assert sorted({noted.code for noted in ledger.refusals()}) == ["connection-unknown", "trigger-off"]
    assert ledger.refusal_count() == 4


def test_reconcile_does_not_bring_an_old_id_back(ledger: Ledger) -> None:
    """A transfer that healed the link while the reconcile ran has the last word on the Stamped.io id."""
    ledger.complete(claimed(ledger), Action.CREATED, "1", Next.SUBSCRIPTION)
    reconcile = ledger.claim(JOB.subscription)
    ledger.complete(claimed(ledger), Action.CREATED, "2", Next.SUBSCRIPTION)
    ledger.complete(reconcile, Action.SUBSCRIBED, "1")
    assert ledger.claim(JOB.subscription).stamped_id == "2"


def test_older_message_of_a_job_does_not_make_others_look_lost(
    client: redis.Redis, ledger: Ledger, clock: Clock
) -> None:
    """A job that ran through a debug request and was asked for again has two messages; the first says nothing."""
    client.lpush("customers", "a message")
    ledger.request_all([JOB, OTHER])
    ledger.request(JOB, debug=True)
    ledger.complete(ledger.claim(JOB), Action.CREATED, "1")
    clock.advance(3600)
    ledger.request(JOB)
    ledger.claim(JOB)
    assert ledger.sweep(Kind.CUSTOMER) == []


def test_retry_that_celery_carries_does_not_make_others_look_lost(
    client: redis.Redis, ledger: Ledger, clock: Clock
) -> None:
    """A manual sync sends a second message for a job whose retry is on its way; the retry says nothing of the queue."""
    client.lpush("customers", "a message")
    ledger.defer(claimed(ledger), 20, FAILURE, carried=True)
    ledger.request(OTHER)
    clock.advance(3600)
    ledger.request(JOB, urgent=True)
    ledger.claim(JOB)
    assert ledger.sweep(Kind.CUSTOMER) == []


def test_manual_sync_during_a_failing_run_is_not_put_off(ledger: Ledger) -> None:
    """What was asked for by hand while a run was failing starts over at once, with its attempts reset."""
    claim = claimed(ledger)
    ledger.request(JOB, urgent=True)
    assert ledger.defer(claim, 7200, FAILURE, carried=False) == [JOB]
    again = ledger.claim(JOB)
    assert again.attempt == 0
    assert ledger.defer(again, 7200, FAILURE, carried=False) == []
