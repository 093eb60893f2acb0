"""The tasks that run a job, through real Celery: claim, do, settle."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import redis
import sentry_sdk
from celery.exceptions import Reject, Retry

from tasks import reconcile_subscription, transfer_customer
from tests import parts
from tests.integration.stage import EMAIL, ID, JOB, NOWHERE, Stage, at, run, transferred
from worker.app import app
from worker.effects import Effect, Moment
from worker.jobs.errors import (
    CustomerIdInvalid,
    CustomerWriteFailed,
    InternalError,
    LedgerUnavailable,
)
from worker.jobs.job import Job, Kind, State
from worker.jobs.retries import SHORT_REST_SECONDS
from worker.jobs.routes import CUSTOMERS, SUBSCRIPTIONS, UPKEEP
from worker.sandbox.faults import Fault
from worker.telemetry import sentry_events

TRANSFER, RECONCILE = "stamped.transfer_customer", "stamped.reconcile_subscription"


# Done ----------------------------------------------------------------------------------------------------------------


def test_customer_is_carried_over(stage: Stage) -> None:
    """First created, then updated; the ledger and Flower tell what was done."""
    runs = [transferred(stage), transferred(stage)]
    assert [(each.state, each.value["state"], each.value["action"]) for each in runs] == [
        ("SUCCESS", "done", "created"),
        ("SUCCESS", "done", "updated"),
    ]
    assert (stage.record().state, stage.record().action, stage.record().stamped_id) == (State.DONE, "updated", "143491")
    assert stage.sandbox.links[parts.SYSTEM] == {ID: "143491"}
    assert stage.queued == {}


def test_subscription_job_is_sent_where_the_state_differs(stage: Stage, redis_url: str) -> None:
    """It runs on its own queue, and ends with the state that is mapped."""
    stage.map_subscription(value=False)
    stage.build(redis_url)
    transferred(stage)
    assert stage.messages(SUBSCRIPTIONS) == [(RECONCILE, [parts.SYSTEM, ID])]
    assert run(reconcile_subscription, parts.SYSTEM, ID).value["action"] == "unsubscribed"
    assert stage.record(JOB.subscription).action == "unsubscribed"
    assert stage.sandbox.stamped_customers["143491"]["isSubscribed"] is False


def test_known_state_needs_no_message(stage: Stage, redis_url: str) -> None:
    """The subscription job is done with the transfer where the answer to the write tells that nothing differs."""
    stage.map_subscription(value=True)
    stage.build(redis_url)
    transferred(stage)
    assert (stage.record(JOB.subscription).action, stage.queued) == ("unchanged", {})


def test_failed_subscription_leaves_the_customer_done(stage: Stage, redis_url: str) -> None:
    """It shows as an error of its own."""
    stage.map_subscription(value=False)
    stage.build(redis_url)
    stage.refuse(422, "survey/")
    transferred(stage)
    assert run(reconcile_subscription, parts.SYSTEM, ID).state == "FAILURE"
    failure = stage.record(JOB.subscription).failure
    assert failure
    assert (stage.record().state, failure.code, failure.http_status) == (State.DONE, "subscription-failed", 422)


def test_row_that_could_not_be_filled_is_warned_of(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """By its name, and the transfer goes on."""
    stage.sandbox.patch_customer(ID, {"first_name": " "})
    assert transferred(stage).value["action"] == "created"
    assert "customer 4021/150713: FirstName is recommended and its source FirstName is empty" in caplog.messages


def test_trigger_during_a_run_owes_another_one(stage: Stage, redis_url: str) -> None:
    """What came while the customer was written gets a transfer of its own."""
    stage.build(redis_url, at(Effect.CREATE_CUSTOMER, Moment.AFTER, lambda: stage.ledger.request(JOB)))
    transferred(stage)
    assert (stage.record().state, stage.messages(CUSTOMERS)) == (State.SENT, [(TRANSFER, [parts.SYSTEM, ID])])


# Nothing to do -------------------------------------------------------------------------------------------------------


def test_second_message_does_nothing(stage: Stage) -> None:
    """A job that is done is refused, and nothing is called."""
    transferred(stage)
    stage.sandbox.forget_calls()
    assert run(transfer_customer, parts.SYSTEM, ID).value == {"job": str(JOB), "state": "done"}
    assert stage.called == []


def test_job_of_another_worker_is_left_to_it(stage: Stage) -> None:
    """One worker at a time."""
    stage.ledger.request(JOB)
    stage.ledger.claim(JOB)
    assert run(transfer_customer, parts.SYSTEM, ID).value["state"] == "running"
    assert stage.called == []


def test_lost_claim_ends_the_run_before_the_next_write(stage: Stage, redis_url: str) -> None:
    """The job is another worker's: its link is not recorded twice, and its state not touched."""
    lose = at(
        Effect.CREATE_CUSTOMER,
        Moment.AFTER,
        lambda: stage.client.hset(stage.ledger.key(JOB), "token", "another worker's"),
    )
    stage.build(redis_url, lose)
    ended = transferred(stage)
    sentence = f"{JOB} has been taken over by another worker, so this attempt has ended."
    assert (ended.state, str(ended.value)) == ("RETRY", sentence)
    assert stage.called == [ID, "customer", "add"]
    assert stage.record().state is State.RUNNING


@pytest.mark.parametrize("customer_id", ["", "..", "15/0713", EMAIL])
def test_message_without_a_customer_id_is_refused(stage: Stage, customer_id: str) -> None:
    """Whoever sent it: nothing of it reaches Redis or a path."""
    assert isinstance(run(transfer_customer, parts.SYSTEM, customer_id).value, CustomerIdInvalid)
    assert stage.called == []


# Tried again ---------------------------------------------------------------------------------------------------------


def test_short_rest_is_a_celery_retry(stage: Stage) -> None:
    """Flower shows it, with its error; the ledger knows when it is due."""
    stage.refuse(503)
    ended = transferred(stage)
    assert isinstance(ended.value, Retry)
    assert isinstance(ended.value.exc, CustomerWriteFailed)
    countdown: Any = ended.value.when
    assert 0 < countdown <= SHORT_REST_SECONDS
    assert stage.messages(CUSTOMERS) == [(TRANSFER, [parts.SYSTEM, ID])]
    record = stage.record()
    assert (record.state, record.attempt, record.failure) == (State.WAITING, 0, ended.value.exc.failure)
    assert record.due


def test_retry_of_a_debug_job_stays_in_front(stage: Stage) -> None:
    """It does not go to the end of the long queue."""
    stage.refuse(503)
    transferred(stage, debug=True)
    assert stage.messages(UPKEEP) == [(TRANSFER, [parts.SYSTEM, ID])]


def test_long_rest_stays_in_the_ledger(stage: Stage) -> None:
    """No message waits for two minutes in a worker: the sweeper sends one when they are over."""
    stage.refuse(503, Retry_After="120")
    ended = transferred(stage)
    assert (ended.state, ended.value.failure.code) == ("RETRY", "customer-write-failed")
    record = stage.record()
    assert record.due
    assert record.changed_at
    assert (record.due - record.changed_at).total_seconds() == 120
    assert (record.state, stage.queued) == (State.WAITING, {})


def test_manual_sync_during_a_failing_run_is_not_put_off(stage: Stage, redis_url: str) -> None:
    """What was asked for by hand gets a run of its own at once, instead of a retry."""
    stage.refuse(503)
    ask = at(Effect.CREATE_CUSTOMER, Moment.BEFORE, lambda: stage.ledger.request(JOB, asker=parts.BY_HAND))
    stage.build(redis_url, ask)
    ended = transferred(stage)
    assert (ended.state, ended.value.failure.code) == ("RETRY", "customer-write-failed")
    assert (stage.record().state, stage.record().attempt) == (State.SENT, 0)
    assert stage.messages(CUSTOMERS) == [(TRANSFER, [parts.SYSTEM, ID])]


def let_another_through(stage: Stage) -> None:
    """Let the customer 8 be created: the call that the job meets trouble with works for others."""
    stage.sandbox.put_customer({"id": "8", "email_address": "eight@example.com"})
    stage.sandbox.patch_customer("8", {"external_ids": []})
    faults = stage.sandbox.faults
    stage.sandbox.clear_faults()
    job = Job(Kind.CUSTOMER, parts.SYSTEM, "8")
    stage.ledger.request(job)
    assert run(transfer_customer, parts.SYSTEM, "8").state == "SUCCESS"
    stage.sandbox.put_customer({"id": "8", "email_address": "eight@example.com"})
    stage.sandbox.unlink(parts.SYSTEM, "8")
    for fault in faults:
        stage.sandbox.add_fault(fault)


def tried_again(stage: Stage, times: int, *, others_get_through: bool) -> list[str]:
    """How a job ends that meets 503 each time it is tried."""
    stage.refuse(503)
    states = []
    for _ in range(times):
        stage.ledger.release(parts.SYSTEM)
        stage.client.hset(stage.ledger.key(JOB), "due", "0")
        states.append(transferred(stage).state)
        if others_get_through:
            let_another_through(stage)
    return states


def test_attempts_come_to_an_end(stage: Stage) -> None:
    """Short rests, then long ones, then the job has failed: it meets an error of its own, and others get through."""
    states = tried_again(stage, 9, others_get_through=True)
    assert states == ["RETRY"] * 8 + ["FAILURE"]
    assert stage.record().state is State.FAILED


def test_job_never_fails_while_nobody_gets_through(stage: Stage) -> None:
    """It rests ever longer, at no cost: the store may be down for days."""
    assert "FAILURE" not in tried_again(stage, 20, others_get_through=False)
    assert (stage.record().state, stage.record().attempt) == (State.WAITING, 0)


@pytest.mark.parametrize(
    ("mine", "linked"),
    [("customers/v2/Customer/150713$", False), ("dashboard/customers/150713$", True)],
    ids=["a read of iPaaS.com", "an update in Stamped.io"],
)
def test_404_of_an_api_that_is_away_is_no_sign_that_others_get_through(stage: Stage, mine: str, linked: bool) -> None:
    """The job meets 503 and all others 404, as what follows does: a list, or a create. Nobody gets through."""
    jobs = [Job(Kind.CUSTOMER, parts.SYSTEM, customer_id) for customer_id in (ID, "1", "2", "3")]
    for job in jobs if linked else []:
        link = {"system_id": parts.SYSTEM, "external_id": job.customer_id}
        stage.sandbox.put_customer({"id": job.customer_id, "email_address": EMAIL, "external_ids": [link]})
    stage.sandbox.add_fault(Fault(path=mine, status=503))
    stage.sandbox.add_fault(Fault(path="dashboard/" if linked else "/customers/v2/", status=404, body=""))
    for job in jobs:
        stage.ledger.request(job)
    for _ in range(10):
        for job in jobs:
            stage.client.delete(f"stamped-sync:hold:{parts.SYSTEM}")
            stage.client.hset(stage.ledger.key(job), "due", "0")
            stage.ledger.admit(parts.SYSTEM)
            run(transfer_customer, parts.SYSTEM, job.customer_id)
    records = [stage.record(job) for job in jobs]
    assert [(record.attempt, record.met > 1) for record in records] == [(0, True)] * 4


@pytest.mark.parametrize("is_there", [False, True])
def test_404_of_a_read_is_judged_by_the_list_behind_it(stage: Stage, redis_url: str, is_there: bool) -> None:
    """Whether the call counts as one that works."""
    stage.map_subscription(value=False)
    stage.build(redis_url)
    transferred(stage)
    stage.sandbox.add_fault(Fault(path="dashboard/customers/[0-9]+$", status=404, body=""))
    if not is_there:
        stage.sandbox.add_fault(Fault(path="dashboard/customers$", status=404, body=""))
    run(reconcile_subscription, parts.SYSTEM, ID)
    well = stage.client.hget(f"stamped-sync:store:{parts.SYSTEM}", "well stamped GET dashboard/customers/{id}")
    assert (well is not None) is is_there


def test_retry_that_cannot_be_published_is_left_to_the_sweeper(stage: Stage) -> None:
    """Celery gives the task up; the job rests in the ledger all the same, and is found there."""
    stage.refuse(503)
    stage.move_broker(NOWHERE)
    assert isinstance(transferred(stage).value, Reject)
    assert stage.record().state is State.WAITING
    stage.client.zadd(f"stamped-sync:waiting:customer:{JOB.system_id}", {stage.ledger.member(JOB): 0})
    assert stage.ledger.sweep(Kind.CUSTOMER).due == 1


# Failed --------------------------------------------------------------------------------------------------------------


def test_final_failure_is_the_catalogues_error(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """In Flower, in the ledger and in the log alike, with what to do about it, and nothing of the customer."""
    stage.refuse(422)
    ended = transferred(stage)
    assert (ended.state, type(ended.value)) == ("FAILURE", CustomerWriteFailed)
    assert stage.record().failure == ended.value.failure
    assert ended.value.failure.detail == "[masked], [masked]: no"
    (line,) = [
        vars(record) for record in caplog.records if record.name == "worker.outcomes" and record.levelname == "ERROR"
    ]
    entry = CustomerWriteFailed.entry
    logged = (line["code"], line["http_status"], line["cause"], line["resolution"], line["outcome"])
    assert logged == ("customer-write-failed", 422, entry.cause, entry.resolution, "failed")
    assert EMAIL not in caplog.text + ended.traceback


def test_job_of_a_connection_that_is_not_configured_here_waits(stage: Stage) -> None:
    """Another worker may know it, or this one later: it is left, and nothing was attempted."""
    job = Job(Kind.CUSTOMER, 9999, ID)
    stage.ledger.request(job)
    ended = run(transfer_customer, 9999, ID)
    assert ended.state == "RETRY"
    assert stage.record(job).state is State.QUEUED
    assert not stage.ledger.events.life_of(job)
    assert stage.called == []


def stumble() -> None:
    """Do what no code foresees, with personal data in hand."""
    raise RuntimeError(EMAIL)


def test_unforeseen_error_is_told_without_its_text(
    stage: Stage, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its kind and its place are enough to find it; its text may hold anything."""
    stage.build(redis_url, at(Effect.CREATE_CUSTOMER, Moment.BEFORE, stumble))
    ended = transferred(stage)
    assert isinstance(ended.value, InternalError)
    assert ended.value.failure.detail.startswith("RuntimeError in stumble:")
    assert stage.record().failure == ended.value.failure
    assert "in stumble" in caplog.text
    assert EMAIL not in caplog.text + ended.traceback + str(stage.client.hgetall(stage.ledger.key(JOB)))


@pytest.mark.parametrize(
    ("effect", "moment"),
    [
        (Effect.CREATE_CUSTOMER, Moment.AFTER),
        (Effect.RECORD_LINK, Moment.AFTER),
        (Effect.CREATE_CUSTOMER, Moment.BEFORE),
    ],
)
def test_redis_that_goes_away_ends_the_run(stage: Stage, effect: Effect, moment: Moment) -> None:
    """Nothing more is written without a claim, and nothing is made up: the job is found when its lease is over."""
    with parts.valkey() as url, redis.Redis.from_url(url) as server:
        stage.build(url, at(effect, moment, lambda: server.shutdown(nosave=True)))
        stage.patch.setattr("worker.telemetry.sentry._process.events", sentry_events)  # as if there were a DSN
        with sentry_sdk.isolation_scope() as scope:
            ended = transferred(stage)
            event: Any = scope.apply_to_event({}, {})
    assert isinstance(ended.value, LedgerUnavailable)
    assert event["tags"]["job"] == str(JOB)  # so Sentry names the job if Celery's integration reports the error
    assert ended.value.failure.code == "redis-unavailable"
    assert (stage.called[-1] == "UpdateExternalId") is (effect is Effect.RECORD_LINK)


def test_redis_that_goes_away_before_the_claim_ends_the_run(stage: Stage) -> None:
    """Nothing is called."""
    stage.move_ledger(NOWHERE)
    assert isinstance(run(transfer_customer, parts.SYSTEM, ID).value, LedgerUnavailable)
    assert stage.called == []


def test_broker_that_goes_away_does_not_undo_what_was_done(stage: Stage, redis_url: str) -> None:
    """The customer is done; its subscription job is in the ledger, where the sweeper finds it."""
    stage.map_subscription(value=False)
    stage.build(redis_url)
    stage.move_broker(NOWHERE)
    assert transferred(stage).value["action"] == "created"
    assert (stage.record().state, stage.record(JOB.subscription).state) == (State.DONE, State.SENT)


# What is told --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("debug", [True, False])
def test_debug_job_tells_each_call(stage: Stage, redis_url: str, caplog: pytest.LogCaptureFixture, debug: bool) -> None:
    """By its route, without ids and personal data; any other job does not. Its subscription job goes to the front."""
    caplog.set_level(logging.INFO)
    stage.map_subscription(value=False)
    stage.build(redis_url)
    transferred(stage, debug=debug)
    calls = [record.getMessage() for record in caplog.records if record.name == "worker.calls"]
    logged = [
        "iPaaS.com GET customers/v2/Customer/{id}: 200",
        "iPaaS.com GET customers/v2/External/LookupExternal/{id}/{system_id}/customer: 404",
        "Stamped.io POST dashboard/customers/add: 200",
        "iPaaS.com POST customers/v2/External/UpdateExternalId: 200",
    ]
    assert calls == (logged if debug else [])
    assert stage.queued == ({UPKEEP: 1} if debug else {SUBSCRIPTIONS: 1})


def test_nothing_personal_is_kept_in_redis(stage: Stage, redis_url: str) -> None:
    """Neither by what went well nor by what was refused."""
    stage.map_subscription(value=False)
    stage.build(redis_url)
    stage.refuse(422, "survey/")
    transferred(stage)
    run(reconcile_subscription, parts.SYSTEM, ID)
    held = str([stage.client.dump(key) for key in stage.client.scan_iter()])
    assert "150713" in held
    assert not [text for text in (EMAIL, "Zoë", "Müller", "Prefers tea", "sandbox-private") if text in held]


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        (TRANSFER, CUSTOMERS),
        (RECONCILE, SUBSCRIPTIONS),
        *((f"stamped.{name}", UPKEEP) for name in ("accept_trigger", "sweep", "rerun", "retry_failed_subscriptions")),
    ],
)
def test_task_that_is_sent_by_name_goes_to_its_queue(stage: Stage, name: str, queue: str) -> None:
    """As Flower's REST call sends it, without naming a queue."""
    args: list[Any] = [parts.SYSTEM, ID]
    app.send_task(name, args=args)
    assert stage.messages(queue) == [(name, args)]


def test_unforeseen_error_of_a_run_that_comes_again_is_told_without_its_text(stage: Stage, redis_url: str) -> None:
    """Flower shows the whole chain of a retry."""

    def stumble_and_ask() -> None:
        stage.ledger.request(JOB)
        stumble()

    stage.build(redis_url, at(Effect.CREATE_CUSTOMER, Moment.BEFORE, stumble_and_ask))
    ended = transferred(stage)
    assert ended.state == "RETRY"
    assert EMAIL not in ended.traceback + repr(ended.value) + str(ended.value)
