"""The ledger on a real Valkey, with a clock that the tests move: a job from its request to its end."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from tests.integration.jobs import CALLS, FAILURE, JOB, claimed, pushed_by, record_of, refused_because, swept
from tests.parts import SYSTEM
from worker.jobs.job import Action, Kind, Next, State
from worker.jobs.retries import Pause
from worker.ledger import ClaimLost, Ledger, LedgerUnavailable, Refusal, connect

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from tests.conftest import Clock


def test_first_request_pushes_a_message(ledger: Ledger) -> None:
    """The first request of a job sends its message and asks for version 1."""
    versions: list[int] = []
    assert pushed_by(ledger, lambda: versions.append(ledger.request(JOB))) == [JOB]
    assert versions == [1]


def test_burst_of_requests_pushes_one_message(ledger: Ledger) -> None:
    """Further requests while a message is on its way raise the wanted version and send nothing."""
    assert pushed_by(ledger, lambda: [ledger.request(JOB) for _ in range(50)]) == [JOB]
    assert ledger.claim(JOB).version == 50


def test_request_while_running_is_one_more_run(ledger: Ledger) -> None:
    """What is asked for during a run is seen by one more run after it."""
    claim = claimed(ledger)
    assert pushed_by(ledger, lambda: [ledger.request(JOB) for _ in range(3)]) == []
    assert pushed_by(ledger, lambda: ledger.complete(claim, CALLS, Action.CREATED, "1")) == [JOB]
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
    assert pushed_by(ledger, lambda: ledger.complete(alive, CALLS, Action.CREATED, "1")) == []


def test_renewed_lease_lasts(ledger: Ledger, clock: Clock) -> None:
    """Renewing before each call keeps a long job claimed."""
    claim = claimed(ledger)
    for _ in range(5):
        clock.advance(40)
        ledger.renew(claim)
    assert refused_because(ledger) == "running"


def test_customer_job_hands_over_in_the_same_step(ledger: Ledger) -> None:
    """Completing a customer job puts its subscription job into the ledger, with the Stamped.io id."""
    claim = claimed(ledger)
    sent = pushed_by(ledger, lambda: ledger.complete(claim, CALLS, Action.CREATED, "143491", Next.SUBSCRIPTION))
    assert sent == [JOB.subscription]
    record = record_of(ledger)
    assert (record.state, record.action, record.stamped_id, record.subscription_version) == (
        State.DONE,
        "created",
        "143491",
        1,
    )
    assert ledger.claim(JOB.subscription).stamped_id == "143491"


def test_known_subscription_state_is_noted_without_a_run(ledger: Ledger) -> None:
    """A subscription that is already as mapped is done at once and sends nothing."""
    claim = claimed(ledger)
    assert pushed_by(ledger, lambda: ledger.complete(claim, CALLS, Action.UPDATED, "143491", Next.UNCHANGED)) == []
    record = record_of(ledger, JOB.subscription)
    assert (record.state, record.action) == (State.DONE, "unchanged")
    assert record.has_settled(1)


def test_known_subscription_state_waits_for_a_running_reconcile(ledger: Ledger) -> None:
    """A reconcile that is under way is run once more rather than overwritten."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "1", Next.SUBSCRIPTION)
    reconcile = ledger.claim(JOB.subscription)
    ledger.complete(claimed(ledger), CALLS, Action.UPDATED, "1", Next.UNCHANGED)
    assert record_of(ledger, JOB.subscription).state is State.RUNNING
    sent = pushed_by(ledger, lambda: ledger.complete(reconcile, CALLS, Action.SUBSCRIBED, "1"))
    assert sent == [JOB.subscription]


def test_new_trigger_reopens_a_failed_job(ledger: Ledger) -> None:
    """A failed job is kept with its error, and a new trigger runs it again."""
    ledger.fail(claimed(ledger), CALLS, FAILURE)
    record = record_of(ledger)
    assert (record.state, record.failure, record.has_settled(1)) == (State.FAILED, FAILURE, True)
    assert pushed_by(ledger, lambda: ledger.request(JOB)) == [JOB]
    assert record_of(ledger).state is State.SENT


def test_failure_of_an_old_version_does_not_end_the_job(ledger: Ledger) -> None:
    """A trigger that came while the job was failing gets its own run."""
    claim = claimed(ledger)
    ledger.request(JOB)
    assert pushed_by(ledger, lambda: ledger.fail(claim, CALLS, FAILURE)) == [JOB]
    assert ledger.claim(JOB).version == 2


def test_same_token_is_granted_twice(client: redis.Redis, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim whose answer was cut off is granted again to the same worker."""
    assert client.ping()
    monkeypatch.setattr("uuid.uuid4", type("Fixed", (), {"hex": "token"}))
    ledger.request(JOB, tracking_guid="0a8e")
    assert ledger.claim(JOB).token == ledger.claim(JOB).token


def test_job_that_is_asked_for_again_is_kept(client: redis.Redis, ledger: Ledger) -> None:
    """A finished job that is asked for again no longer expires."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "1")
    ledger.request(JOB)
    assert client.pttl(ledger.key(JOB)) == -1


def test_only_failed_jobs_can_be_discarded(ledger: Ledger) -> None:
    """Discarding forgets a failed job and no other."""
    claim = claimed(ledger)
    assert not ledger.discard_all([JOB])
    ledger.fail(claim, CALLS, FAILURE)
    assert ledger.discard_all([JOB])
    assert ledger.record(JOB) is None
    assert ledger.counts(Kind.CUSTOMER).failed == 0


def test_refusal_is_noted_once(ledger: Ledger) -> None:
    """The same refused notification, delivered twice, stays one."""
    refusal = Refusal("scope-unsupported", "customer/deleted", "6f0c", 1, "4021", "customer/deleted", "150713")
    ledger.refuse(refusal)
    ledger.refuse(refusal)
    assert [noted.code for noted in ledger.refusals()] == ["scope-unsupported"]
    assert ledger.figures().totals["refused", "scope-unsupported"] == 1


def test_what_cannot_be_read_is_counted_each_time(ledger: Ledger) -> None:
    """A thousand triggers without a name are a thousand, however alike they are."""
    for _ in range(20):
        ledger.refuse(Refusal("trigger-malformed", "it is not JSON", "", 0, "", "", ""))
    assert len(ledger.refusals()) == ledger.figures().totals["refused", "trigger-malformed"] == 20


def indexes(ledger: Ledger) -> list[str]:
    """The states in whose index there is a job."""
    return [state for state, count in asdict(ledger.counts(Kind.CUSTOMER)).items() if count]


def test_every_job_is_in_exactly_one_index(ledger: Ledger, clock: Clock) -> None:
    """Whatever happens to a job, it stands in the index of its state and in no other."""
    steps: list[Callable[[], object]] = [
        lambda: ledger.request(JOB),
        lambda: ledger.defer(ledger.claim(JOB), CALLS, 10, FAILURE, carried=True),
        lambda: clock.advance(10),
        lambda: ledger.hold(ledger.claim(JOB), CALLS, FAILURE, Pause(60, 60)),
        lambda: ledger.release(SYSTEM),
        lambda: ledger.admit(SYSTEM),
        lambda: ledger.fail(ledger.claim(JOB), CALLS, FAILURE),
        lambda: ledger.request(JOB),
        lambda: ledger.claim(JOB),
        lambda: clock.advance(46),
        lambda: ledger.sweep(Kind.CUSTOMER),
        lambda: ledger.admit(SYSTEM),
        lambda: ledger.complete(ledger.claim(JOB), CALLS, Action.CREATED, "1"),
    ]
    for step in steps * 2:
        step()
        assert indexes(ledger) == [record_of(ledger).state]


def test_redis_that_does_not_answer_is_told_plainly() -> None:
    """A Redis that is down raises one error of ours, which says why and what to do."""
    with pytest.raises(LedgerUnavailable, match="it can't be reached, as nothing listens there: start it"):
        Ledger(connect("redis://127.0.0.1:1/0")).request(JOB)


def test_switched_off_triggers_do_not_push_refusals_out(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trigger that is switched off comes for every customer; the refusals that matter stay."""
    monkeypatch.setattr("worker.ledger.upkeep.REFUSALS_KEPT", 3)
    ledger.refuse(Refusal("connection-unknown", "9", "6f0c", 1, "9", "customer/created", "1"))
    for number in range(5):
        ledger.refuse(Refusal("trigger-off", "", "6f0c", number, "4021", "customer/created", str(number)))
    assert sorted({noted.code for noted in ledger.refusals()}) == ["connection-unknown", "trigger-off"]
    assert (ledger.refused().listed, ledger.refused().count) == (4, 6)


def test_reconcile_does_not_bring_an_old_id_back(ledger: Ledger) -> None:
    """A transfer that healed the link while the reconcile ran has the last word on the Stamped.io id."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "1", Next.SUBSCRIPTION)
    reconcile = ledger.claim(JOB.subscription)
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "2", Next.SUBSCRIPTION)
    ledger.complete(reconcile, CALLS, Action.SUBSCRIBED, "1")
    assert ledger.claim(JOB.subscription).stamped_id == "2"
