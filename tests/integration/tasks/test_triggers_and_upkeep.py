"""The tasks that hand jobs over: triggers, re-runs, the sweep and the schedule of failed subscriptions."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tasks import accept_trigger, rerun, retry_failed_subscriptions, submit, sweep
from tests import parts
from tests.integration.jobs import claimed, lose_messages
from tests.integration.stage import ID, JOB, NOWHERE, Stage, run
from worker.jobs.catalogue import Failure
from worker.jobs.errors import (
    ConnectionUnknown,
    CustomerIdInvalid,
    LedgerUnavailable,
    SubscriptionFailed,
    TriggerMalformed,
    WorkerLost,
)
from worker.jobs.job import Job, Kind, State
from worker.jobs.routes import CUSTOMERS, SUBSCRIPTIONS, UPKEEP
from worker.ledger import Counts
from worker.ledger.upkeep import LOSSES_ALLOWED
from worker.sync.triggers import Accepted

TRANSFER, RECONCILE = "stamped.transfer_customer", "stamped.reconcile_subscription"
GUID = "0a8e4a1c-7d5e-4d0f-9f0a-111111111111"


def notification(**changes: Any) -> dict[str, Any]:
    """One notification as iPaaS.com sends it."""
    return {"id": ID, "destination": "4021", "scope": "customer/updated", "tracking_guid": GUID} | changes


def trigger(*notifications: dict[str, Any]) -> dict[str, Any]:
    """One trigger."""
    return {"id": "6f0c", "attempt": 0, "notifications": list(notifications) or [notification()]}


def fail(stage: Stage, job: Job) -> None:
    """Let a job fail."""
    stage.ledger.fail(claimed(stage.ledger, job), (), Failure(SubscriptionFailed.entry.code, 422))


def rest(stage: Stage, job: Job, seconds: float) -> None:
    """Let a job rest until a retry is due."""
    stage.ledger.defer(claimed(stage.ledger, job), (), seconds, Failure("ipaas-unreachable"), carried=False)


def found(**counts: int) -> dict[str, int]:
    """What a sweep found: nothing of anything else."""
    return dict.fromkeys(("due", "dead", "lost", "strays", "mended"), 0) | counts


def lose_message(stage: Stage, job: Job) -> None:
    """Let a job have asked for its message long ago."""
    stage.client.zadd(f"stamped-sync:sent:{job.kind}:{job.system_id}", {stage.ledger.member(job): 0})


def lose_workers(stage: Stage, job: Job, count: int) -> None:
    """Let the workers of a job have died so many times in a row; the last one's lease has just run out."""
    claimed(stage.ledger, job)
    stage.client.hset(stage.ledger.key(job), "losses", count - 1)
    stage.client.zadd(f"stamped-sync:running:{job.kind}:{job.system_id}", {stage.ledger.member(job): 0})


# Triggers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_text", [True, False])
def test_submitted_trigger_is_in_the_ledger_and_on_its_way(stage: Stage, as_text: bool) -> None:
    """As JSON text or as the value in it, with its tracking id."""
    submit(json.dumps(trigger()) if as_text else trigger())
    assert (stage.record().state, stage.record().tracking_guid) == (State.SENT, GUID)
    assert stage.messages(CUSTOMERS) == [(TRANSFER, [parts.SYSTEM, ID])]


def test_notification_without_a_tracking_id_gets_one(stage: Stage) -> None:
    """Every transfer can be followed through both systems."""
    submit(trigger(notification(tracking_guid=None)))
    assert len(stage.record().tracking_guid or "") == len(GUID)


def test_burst_of_triggers_is_one_message(stage: Stage) -> None:
    """What is asked for fifty times while a message is on its way is done by one transfer."""
    for _ in range(50):
        submit(trigger())
    assert (stage.record().wanted, stage.queued) == (50, {CUSTOMERS: 1})


def test_each_notification_is_accepted_or_refused_on_its_own(stage: Stage) -> None:
    """The answer tells which is which, in their order; refusals are kept with their reasons."""
    verdicts = submit(
        trigger(
            notification(id="1"),
            notification(scope="customer/deleted"),
            notification(destination="9999"),
            notification(id="zoe@example.com"),
            notification(id="2"),
        )
    )
    assert [isinstance(verdict, Accepted) for verdict in verdicts] == [True, False, False, False, True]
    assert [args for _, args in stage.messages(CUSTOMERS)] == [[parts.SYSTEM, "1"], [parts.SYSTEM, "2"]]
    refused = {noted.position: (noted.code, noted.trigger_id, noted.system_id) for noted in stage.ledger.refusals()}
    assert refused == {
        2: ("scope-unsupported", "6f0c", "4021"),
        3: ("connection-unknown", "6f0c", "9999"),
        4: ("customer-id-invalid", "6f0c", "4021"),
    }
    assert stage.sandbox.calls == []


def test_refusal_tells_an_operator_what_to_do(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """And nothing that the notification held of a person."""
    assert stage.queued == {}
    submit(trigger(notification(id="zoe@example.com")))
    (line,) = [vars(record) for record in caplog.records if record.name == "worker.outcomes"]
    assert (line["levelname"], line["code"]) == ("WARNING", "customer-id-invalid")
    assert line["resolution"] == CustomerIdInvalid.entry.resolution
    assert "zoe" not in caplog.text


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (trigger(notification(id="zoe")), "notification 1 of trigger 6f0c"),
        ({"notifications": [{}]}, "notification 1 of a trigger without id"),
        ("nonsense", "a trigger that cannot be read"),
    ],
)
def test_refusal_is_logged_with_what_it_concerns(
    stage: Stage, caplog: pytest.LogCaptureFixture, body: object, place: str
) -> None:
    """The notification, or the whole trigger."""
    assert stage.queued == {}
    submit(body)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "worker.outcomes"]
    assert line.startswith(f"{place}: refused, ")


def test_trigger_that_is_off_is_noted_and_nothing_is_done(
    stage: Stage, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no warning: somebody meant it so."""
    caplog.set_level(logging.INFO)
    parts.write_connections(stage.folder, stage.url, more='triggers = ["customer/created"]')
    stage.build(redis_url)
    submit(trigger())
    assert [noted.code for noted in stage.ledger.refusals()] == ["trigger-off"]
    assert [record.levelname for record in caplog.records if record.name == "worker.outcomes"] == ["INFO"]
    assert (stage.ledger.record(JOB), stage.queued) == (None, {})


def test_debug_scope_goes_to_the_front(stage: Stage) -> None:
    """Past everything that waits for a worker."""
    submit(trigger(notification(scope="customer/updated/debug")))
    assert stage.messages(UPKEEP) == [(TRANSFER, [parts.SYSTEM, ID])]
    assert stage.ledger.claim(JOB).debug


def test_debug_scope_goes_to_the_front_of_its_stores_queue(stage: Stage) -> None:
    """Past everything that waits for its turn, and past its own place if it has one."""
    ids = [str(number) for number in range(1, 13)]
    for customer_id in ids:
        submit(trigger(notification(id=customer_id)))
    submit(trigger(notification(id=ids[-1], scope="customer/updated/debug")))
    assert stage.queued == {CUSTOMERS: 10}
    stage.ledger.fail(stage.ledger.claim(Job(Kind.CUSTOMER, parts.SYSTEM, ids[0])), (), Failure("email-missing"))
    assert stage.record(Job(Kind.CUSTOMER, parts.SYSTEM, ids[-1])).state is State.SENT
    assert stage.record(Job(Kind.CUSTOMER, parts.SYSTEM, ids[-2])).state is State.QUEUED


def test_debug_scope_of_a_job_on_its_way_is_told_by_that_run(stage: Stage) -> None:
    """Its message is not sent twice: few are ahead of it."""
    submit(trigger())
    submit(trigger(notification(scope="customer/updated/debug")))
    assert stage.queued == {CUSTOMERS: 1}
    assert stage.ledger.claim(JOB).debug


def test_message_that_is_lost_loses_no_trigger(stage: Stage) -> None:
    """The job is in the ledger, and the sweeper sends its message again."""
    submit(trigger())
    lose_messages(stage.ledger)
    assert (stage.record().state, stage.queued) == (State.SENT, {})
    lose_message(stage, JOB)
    assert run(sweep).value == found(lost=1)
    assert stage.messages(CUSTOMERS) == [(TRANSFER, [parts.SYSTEM, ID])]


def test_ledger_that_is_down_is_told_to_the_listener(stage: Stage) -> None:
    """Nothing is answered for that is not written down."""
    stage.move_ledger(NOWHERE)
    with pytest.raises(LedgerUnavailable):
        submit(trigger())


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (trigger(), {"accepted": 1, "refused": []}),
        (json.dumps(trigger()), {"accepted": 1, "refused": []}),
        (trigger(notification(), notification(scope="x")), {"accepted": 1, "refused": ["scope-unsupported"]}),
        ("nonsense", {"accepted": 0, "refused": ["trigger-malformed"]}),
    ],
)
def test_accept_trigger_tells_what_became_of_it(stage: Stage, body: object, answer: dict[str, Any]) -> None:
    """A listener in another language sees it as the task's result in Flower."""
    assert run(accept_trigger, body, queue=UPKEEP).value == answer
    assert stage.ledger.refused().count == len(answer["refused"])


def test_accepted_trigger_waits_for_the_ledger(stage: Stage, redis_url: str) -> None:
    """A trigger that came through the queue is nowhere else: it is kept until it can be written down."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            stage.move_ledger(redis_url)

    stage.patch.setattr("tasks.triggers.time.sleep", wait)
    stage.move_ledger(NOWHERE)
    assert run(accept_trigger, trigger(), queue=UPKEEP).value == {"accepted": 1, "refused": []}
    assert (waits, stage.record().state) == ([1, 2, 4], State.SENT)


# Upkeep --------------------------------------------------------------------------------------------------------------


def test_rerun_starts_a_failed_job_over(stage: Stage) -> None:
    """With its attempts reset."""
    fail(stage, JOB)
    assert run(rerun, "customer", parts.SYSTEM, ID, queue=UPKEEP).value == {"job": str(JOB), "version": 2}
    assert (stage.record().attempt, stage.messages(CUSTOMERS)) == (0, [(TRANSFER, [parts.SYSTEM, ID])])


def test_rerun_does_not_wait_for_a_retry_that_is_due_later(stage: Stage) -> None:
    """An operator who put the cause right wants it now."""
    rest(stage, JOB, 7200)
    run(rerun, "customer", parts.SYSTEM, ID, queue=UPKEEP)
    assert (stage.record().state, stage.queued) == (State.SENT, {CUSTOMERS: 1})


def test_rerun_of_a_subscription_is_a_subscription_job(stage: Stage) -> None:
    """Each kind has its queue."""
    run(rerun, "subscription", parts.SYSTEM, ID, queue=UPKEEP)
    assert stage.messages(SUBSCRIPTIONS) == [(RECONCILE, [parts.SYSTEM, ID])]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("customer", 9999, ID), ConnectionUnknown),
        (("customer", parts.SYSTEM, "../1"), CustomerIdInvalid),
        (("order", parts.SYSTEM, ID), TriggerMalformed),
    ],
)
def test_rerun_of_what_is_no_job_is_refused(stage: Stage, args: tuple[Any, ...], error: type[Exception]) -> None:
    """Nothing is written but the refusal, where an operator sees it."""
    assert isinstance(run(rerun, *args, queue=UPKEEP).value, error)
    assert [each.trigger_id for each in stage.ledger.refusals()] == ["stamped.rerun"]
    assert (stage.ledger.counts(Kind.CUSTOMER), stage.queued) == (Counts(0, 0, 0, 0, 0, 0), {})


def test_failed_subscriptions_are_sent_again(stage: Stage) -> None:
    """All of them, and no failed customer."""
    jobs = [Job(Kind.SUBSCRIPTION, parts.SYSTEM, str(number)) for number in range(3)]
    for job in (*jobs, JOB):
        fail(stage, job)
    assert run(retry_failed_subscriptions, queue=UPKEEP).value == {"retried": 3}
    assert [args for _, args in stage.messages(SUBSCRIPTIONS)] == [[parts.SYSTEM, job.customer_id] for job in jobs]
    assert stage.record().state is State.FAILED


def test_sweep_goes_through_all_that_is_due(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Page after page, of both kinds, and says how many."""
    caplog.set_level(logging.INFO)
    stage.patch.setattr("tasks.upkeep.JOBS_AT_ONCE", 2)
    for job in (*(Job(Kind.CUSTOMER, parts.SYSTEM, str(number)) for number in range(5)), JOB.subscription):
        rest(stage, job, 0)
    assert run(sweep, queue=UPKEEP).value == found(due=6)
    assert stage.queued == {CUSTOMERS: 5, SUBSCRIPTIONS: 1}
    assert "sweep: 6 retries due, 0 leases expired, 0 messages lost" in caplog.messages


def test_job_that_lost_too_many_workers_is_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """In the log and to Sentry, with what to do about it: the workers that died on it can tell nothing."""
    reported: list[tuple[str, Job]] = []
    stage.patch.setattr(
        "worker.telemetry.sentry.report", lambda error, job, *_, **__: reported.append((error.entry.code, job))
    )
    lose_workers(stage, JOB, LOSSES_ALLOWED + 1)
    assert run(sweep, queue=UPKEEP).value == found(dead=1)
    (line,) = [vars(line) for line in caplog.records if line.name == "worker.outcomes" and line.levelname == "ERROR"]
    entry = WorkerLost.entry
    logged = (line["code"], line["outcome"], line["cause"], line["resolution"])
    assert logged == (entry.code, "failed", entry.cause, entry.resolution)
    assert (reported, stage.record().state, stage.queued) == ([(entry.code, JOB)], State.FAILED, {})


def test_job_that_lost_a_worker_is_sent_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """It is no error of the job: nothing is told of it but the count."""
    caplog.set_level(logging.INFO)
    lose_workers(stage, JOB, 1)
    assert run(sweep, queue=UPKEEP).value == found(dead=1)
    assert stage.messages(CUSTOMERS) == [(TRANSFER, [parts.SYSTEM, ID])]
    logged = [(line.levelname, line.getMessage()) for line in caplog.records if line.name == "tasks.upkeep"]
    assert logged == [("INFO", "sweep: 0 retries due, 1 leases expired, 0 messages lost")]


def test_sweep_is_bounded(stage: Stage) -> None:
    """It ends before the next one is due; what is left waits for that."""
    stage.patch.setattr("tasks.upkeep.JOBS_AT_ONCE", 1)
    stage.patch.setattr("tasks.upkeep.PAGES", 3)
    for number in range(5):
        rest(stage, Job(Kind.CUSTOMER, parts.SYSTEM, str(number)), 0)
    assert [run(sweep, queue=UPKEEP).value["due"] for _ in range(3)] == [3, 2, 0]


def test_sweep_that_finds_nothing_says_nothing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """It comes every few seconds."""
    caplog.set_level(logging.INFO)
    assert run(sweep, queue=UPKEEP).value == found()
    assert "sweep" not in caplog.text.replace("stamped.sweep", "")
    assert stage.queued == {}
