"""What a task does with answers that are not what they look like, and what it tells of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks import reconcile_subscription, rerun, retry_failed_subscriptions, transfer_customer
from tasks.jobs import RefusingTask
from tests import parts
from tests.integration.stage import CREATE, ID, JOB, Stage, at, run, transferred
from worker.app import app
from worker.effects import Effect, Moment
from worker.jobs.catalogue import CATALOGUE
from worker.jobs.errors import ConnectionUnknown, CustomerWriteFailed, TriggerMalformed
from worker.jobs.job import State
from worker.jobs.routes import UPKEEP
from worker.sandbox.faults import Fault

READ = "Customer/[0-9]+$"
JSON = {"Content-Type": "application/json"}
HALF_AN_EMOJI = '{"message": "first name is too long: \\ud83d"}'


def answers(stage: Stage, path: str, body: object, status: int = 200, *, times: int | None = None) -> None:
    """Let every call to a path be answered so."""
    text = isinstance(body, str)
    stage.sandbox.add_fault(Fault(path=path, status=status, body=body, headers=JSON if text else {}, times=times))


# The customer's own --------------------------------------------------------------------------------------------------


def test_half_an_emoji_in_a_refusal_is_kept_as_words(stage: Stage) -> None:
    """The job fails at its first attempt, with what the API said; nothing is written a second time."""
    answers(stage, CREATE, HALF_AN_EMOJI, 422)
    assert isinstance(transferred(stage).value, CustomerWriteFailed)
    record = stage.record()
    assert record.failure
    assert "first name is too long" in record.failure.detail
    assert (record.state, record.attempt, stage.called.count("add")) == (State.FAILED, 1, 1)


@pytest.mark.parametrize("flag", ["success", "isSuccess", "ok"])
def test_unsubscribe_that_is_refused_inside_a_success_has_failed(stage: Stage, redis_url: str, flag: str) -> None:
    """The person is still subscribed, and the job says so in the API's words."""
    stage.map_subscription(value=False)
    stage.build(redis_url)
    transferred(stage)
    answers(stage, "survey/unsubscribe$", {flag: False, "message": "this list is locked"})
    assert run(reconcile_subscription, parts.SYSTEM, ID).state == "FAILURE"
    failure = stage.record(JOB.subscription).failure
    assert failure
    assert (failure.code, failure.detail) == ("subscription-failed", "this list is locked")


# Not yet -------------------------------------------------------------------------------------------------------------


def test_create_that_is_only_taken_down_is_looked_for(stage: Stage) -> None:
    """The id of the API's background job is no customer's; a search shows the customer seconds later."""
    answers(stage, CREATE, {"data": {"type": "job", "id": "01J9Z"}}, 202, times=1)
    assert transferred(stage).state == "RETRY"
    assert stage.sandbox.links[parts.SYSTEM] == {}
    record = stage.record()
    assert (record.state, record.failure and record.failure.code) == (State.WAITING, "stamped-id-unknown")
    stage.client.hset(stage.ledger.key(JOB), "due", "0")
    assert transferred(stage).state == "SUCCESS"
    assert stage.sandbox.links[parts.SYSTEM] == {ID: "143491"}


def test_create_that_is_only_taken_down_for_long_is_the_stores(stage: Stage) -> None:
    """Nobody fails for it as long as nobody gets through; what was taken down arrives once it is over."""
    answers(stage, CREATE, "", 202)
    for attempt in range(12):
        stage.client.hset(stage.ledger.key(JOB), "due", "0")
        transferred(stage)
        record = stage.record()
        assert (record.state, record.attempt) == (State.WAITING, min(attempt + 1, 8))
    stage.sandbox.clear_faults()
    stage.client.hset(stage.ledger.key(JOB), "due", "0")
    assert transferred(stage).state == "SUCCESS"


def test_customer_whose_trigger_has_just_come_is_looked_for_again(stage: Stage) -> None:
    """iPaaS.com may not show it yet; whoever asks by hand is told at once."""
    answers(stage, READ, {"code": "NFND-1001", "message": "none"}, 404)
    assert transferred(stage).state == "RETRY"
    stage.ledger.request(JOB, asker=parts.BY_HAND)
    assert run(transfer_customer, parts.SYSTEM, ID).state == "FAILURE"
    failure = stage.record().failure
    assert failure
    assert failure.code == "customer-not-found"


@pytest.mark.parametrize(("minutes", "state"), [(0, "RETRY"), (4, "RETRY"), (6, "FAILURE")])
@pytest.mark.parametrize("path", [READ, "dashboard/customers/[0-9]+$"], ids=["iPaaS.com", "Stamped.io"])
def test_customer_who_was_just_transferred_is_looked_for_again(
    stage: Stage, redis_url: str, path: str, minutes: int, state: str
) -> None:
    """Neither API may show it yet to the subscription job behind the transfer; some minutes later it is gone."""
    row = 'type = "Field"\nsource = "CustomFields.Newsletter"\ndestination = "IsSubscribed"'
    parts.write_connections(stage.folder, stage.url, subscription=False)
    parts.write_rows(stage.folder / "mapping.toml", row)
    stage.build(redis_url)
    stage.sandbox.patch_customer(ID, {"custom_fields": [{"custom_field_name": "Newsletter", "value": "no"}]})
    transferred(stage)
    answers(stage, path, {"code": "NFND-1001", "message": "none"}, 404)
    key = stage.ledger.key(JOB.subscription)
    written_at = float(stage.client.hget(key, "written_at") or 0)
    stage.client.hset(key, "written_at", str(written_at - minutes * 60_000))
    assert run(reconcile_subscription, parts.SYSTEM, ID).state == state
    stage.sandbox.clear_faults()
    stage.ledger.request(JOB.subscription, asker=parts.BY_HAND)
    assert run(reconcile_subscription, parts.SYSTEM, ID).value["action"] == "unsubscribed"


# What is told --------------------------------------------------------------------------------------------------------


def test_failure_of_a_run_that_was_asked_for_again_is_no_failure(
    stage: Stage, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A trigger came while it ran: it runs again, and neither the log nor Sentry says that it has failed."""
    reported = watch_reports(stage)
    answers(stage, CREATE, {"message": "no"}, 422)
    stage.build(redis_url, at(Effect.CREATE_CUSTOMER, Moment.BEFORE, lambda: stage.ledger.request(JOB)))
    assert transferred(stage).state == "RETRY"
    logged = [(line.levelname, vars(line)["outcome"]) for line in caplog.records if hasattr(line, "outcome")]
    assert (logged, reported) == ([("WARNING", "queued")], [])
    assert stage.record().state is State.SENT


def test_failure_that_comes_back_every_hour_is_told_once(stage: Stage, redis_url: str) -> None:
    """The schedule tries it again for days; once somebody asks for it anew, it is news again."""
    reported = watch_reports(stage)
    stage.map_subscription(value=False)
    stage.build(redis_url)
    transferred(stage)
    answers(stage, "survey/unsubscribe$", {"message": "no"}, 422)
    run(reconcile_subscription, parts.SYSTEM, ID)
    for _ in range(20):
        run(retry_failed_subscriptions, queue=UPKEEP)
        assert run(reconcile_subscription, parts.SYSTEM, ID).state == "FAILURE"
    assert reported == ["subscription-failed"]
    run(rerun, "subscription", parts.SYSTEM, ID)
    run(reconcile_subscription, parts.SYSTEM, ID)
    assert reported == ["subscription-failed"] * 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("four thousand", "x"), "connection-unknown"),
        ((4021, "x"), "customer-id-invalid"),
        ((4021,), "trigger-malformed"),
        ((), "trigger-malformed"),
        ((4021, ID, "more"), "trigger-malformed"),
        ((None, None), "connection-unknown"),
        (([4021], {"id": ID}), "connection-unknown"),
    ],
)
@pytest.mark.parametrize("task", [transfer_customer, reconcile_subscription])
def test_message_that_names_no_job_is_refused_like_a_trigger(
    stage: Stage, caplog: pytest.LogCaptureFixture, task: Any, arguments: tuple[object, ...], code: str
) -> None:
    """In the log, and among the refusals that an operator sees; nothing is called."""
    assert run(task, *arguments).state == "FAILURE"
    (refusal,) = stage.ledger.refusals()
    assert refusal.code == code
    (line,) = [vars(each) for each in caplog.records if vars(each).get("outcome") == "refused"]
    assert line["code"] == code
    assert stage.called == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("stamped.accept_trigger", ()),
        ("stamped.accept_trigger", ({}, "more")),
        ("stamped.rerun", ("customer",)),
        ("stamped.rerun", ("customer", parts.SYSTEM, ID, "more")),
        ("stamped.sweep", ("more",)),
        ("stamped.catch_up", ("more",)),
        ("stamped.retry_failed_subscriptions", ("more",)),
    ],
)
def test_message_with_other_arguments_is_refused_by_every_task(
    stage: Stage, caplog: pytest.LogCaptureFixture, name: str, arguments: tuple[object, ...]
) -> None:
    """Like one that names no job."""
    ended = run(app.tasks[name], *arguments, queue=UPKEEP)
    assert isinstance(ended.value, TriggerMalformed)
    assert [(each.code, each.trigger_id) for each in stage.ledger.refusals()] == [("trigger-malformed", name)]
    assert [vars(each)["outcome"] for each in caplog.records if each.levelno >= logging.WARNING] == ["refused"]


def test_every_task_refuses_other_arguments() -> None:
    """Whoever adds one has to think of it."""
    ours = [task for name, task in app.tasks.items() if name.startswith("stamped.")]
    assert len(ours) == 7
    assert all(isinstance(task, RefusingTask) for task in ours)


@pytest.mark.parametrize("task", [transfer_customer, reconcile_subscription])
def test_message_for_a_connection_that_there_is_not_is_refused(stage: Stage, task: Any) -> None:
    """Where the ledger holds no such job either; a second message for a job that is gone is no news."""
    assert isinstance(run(task, 9999, ID).value, ConnectionUnknown)
    assert [(each.code, each.system_id) for each in stage.ledger.refusals()] == [("connection-unknown", "9999")]
    assert run(task, parts.SYSTEM, "777").value["state"] == "unknown"
    assert len(stage.ledger.refusals()) == 1


def test_initialize_shortens_no_history(stage: Stage) -> None:
    """What a trigger did stays on the job's page for as long as the job, whoever asks for it next."""
    transferred(stage)
    stage.ledger.request_all([JOB], asker=parts.IN_BACKGROUND)
    run(transfer_customer, parts.SYSTEM, ID)
    assert [attempt.outcome for attempt in stage.ledger.events.life_of(JOB)] == ["updated", "created"]
    assert {
        key: stage.client.ttl(key) for key in stage.client.keys("stamped-sync:*") if stage.client.ttl(key) > 0
    } == {}


def watch_reports(stage: Stage) -> list[str]:
    """The codes that are reported to Sentry from now on."""
    reported: list[str] = []
    stage.patch.setattr("worker.telemetry.sentry.report", lambda error, *_, **__: reported.append(error.entry.code))
    return reported


# Whatever comes ------------------------------------------------------------------------------------------------------

BODIES = st.one_of(
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")),
    st.sampled_from(
        [
            HALF_AN_EMOJI,
            '{"message": "\\udc00\\ud83d"}',
            '{"id": 1e999}',
            '{"id": NaN}',
            "[" * 2000,
            "null",
            "[]",
            "{}",
            '{"success": false}',
            '{"errors": [{"errors": [{"errors": []}]}]}',
            '{"customer": {"customer": {"customer": {"customer": {"customer": {}}}}}}',
            '{"id": 143491, "email": "another@example.com"}',
            '{"email_address": 7, "id": "150713", "external_ids": "none"}',
        ]
    ),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=BODIES,
    status=st.sampled_from([200, 201, 202, 204, 206, 302, 400, 401, 404, 408, 409, 410, 418, 422, 429, 451, 500, 522]),
    path=st.sampled_from([READ, "LookupExternal", CREATE, "UpdateExternalId$"]),
)
def test_no_answer_raises_anything_but_what_the_catalogue_has(stage: Stage, body: str, status: int, path: str) -> None:
    """Whatever an API answers: the job ends, rests or waits by a catalogued error, never by a fault of ours."""
    stage.client.flushdb()
    stage.sandbox.clear_faults()
    answers(stage, path, body, status)
    ended = transferred(stage)
    record = stage.record()
    assert record.state in {State.DONE, State.FAILED, State.WAITING, State.QUEUED, State.SENT}
    failures = [attempt.failure for attempt in stage.ledger.events.life_of(JOB)]
    codes = {failure.code for failure in failures if failure}
    assert codes <= set(CATALOGUE) - {"internal-error"}
    assert ended.state in {"SUCCESS", "RETRY", "FAILURE"}
