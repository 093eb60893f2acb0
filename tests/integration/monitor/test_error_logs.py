"""Error Logs over HTTP: groups of failed jobs, refused notifications, Re-run all and Discard."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tasks import transfer_customer
from tests.integration.jobs import CALLS, claimed
from tests.integration.monitor_stage import WRONG_LOGIN, Monitor, serving
from tests.integration.stage import ID, NOWHERE, Stage, run
from tests.parts import SYSTEM
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.job import PAGE, Action, Job, Kind, State
from worker.ledger import Ledger, Refusal, StoreLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

CODE = "customer-write-failed"
FAILURE = Failure(CODE, 422, "the address is <b>refused</b>")
ENTRY = CATALOGUE[CODE]
GROUP = f"/error-logs/customer/{SYSTEM}/{CODE}"
ONE = f"/activity/customer/{SYSTEM}/{ID}/discard"
REASON = {"reason": "test customers"}


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:  # noqa: ARG001 - Flower stands on it
    """Flower on the stage."""
    with serving() as monitor:
        yield monitor


def customer(customer_id: str = ID, system_id: int = SYSTEM) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, system_id, customer_id)


def fail(stage: Stage, *jobs: Job, failure: Failure = FAILURE) -> None:
    """Let jobs fail, of connections that need not be configured on the stage."""
    asked = jobs or (customer(),)
    wide = StoreLimits(concurrent=len(asked), stamped=None)
    ledger = Ledger(stage.client, stores=dict.fromkeys({job.system_id for job in asked}, wide))
    for job in asked:
        ledger.fail(claimed(ledger, job), CALLS, failure)


def many(count: int) -> list[Job]:
    """Customer jobs."""
    return [customer(str(number)) for number in range(1, count + 1)]


def failed(stage: Stage) -> int:
    """How many customer jobs are failed."""
    return stage.ledger.counts(Kind.CUSTOMER).failed


def refusal(scope: str = "customer/deleted") -> Refusal:
    """A notification that was not accepted."""
    return Refusal("scope-unsupported", scope, "trigger-1", 1, str(SYSTEM), scope, ID)


# Groups --------------------------------------------------------------------------------------------------------------


def test_nothing_failed_is_said(monitor: Monitor) -> None:
    """An empty page is good news."""
    assert "No job has failed" in monitor.text("/error-logs")


def test_group_tells_what_failed_and_what_to_do(stage: Stage, monitor: Monitor) -> None:
    """Its number, connection, kind and code, and the catalogue's words."""
    fail(stage, *many(3))
    page = monitor.text("/error-logs")
    assert "3 failed jobs in 1 group" in page
    for said in (CODE, f"Sandbox {SYSTEM} ({SYSTEM})", "customer jobs", ENTRY.title, ENTRY.message, ENTRY.cause):
        assert said in page
    assert ENTRY.resolution in page


def test_errors_kinds_and_connections_are_groups_of_their_own(stage: Stage, monitor: Monitor) -> None:
    """The largest comes first."""
    fail(stage, *many(2), failure=Failure("email-missing"))
    fail(stage, customer("7"), customer("7").subscription, customer("7", SYSTEM + 1))
    page = monitor.text("/error-logs")
    assert "5 failed jobs in 4 groups" in page
    assert page.index("email-missing") < page.index(CODE)
    assert f"not configured any more ({SYSTEM + 1})" in page


def test_page_can_be_narrowed_to_a_connection(stage: Stage, monitor: Monitor) -> None:
    """Whoever looks after one store sees that one only."""
    fail(stage, customer("7"), customer("8", SYSTEM + 1))
    assert "1 failed job in 1 group" in monitor.text(f"/error-logs?system={SYSTEM}")


def test_last_jobs_stand_in_the_group_with_what_the_api_said(stage: Stage, monitor: Monitor) -> None:
    """Each links to its page; what the API said can't be markup."""
    fail(stage, *many(5))
    html = monitor.get("/error-logs").text
    assert f'href="/activity/customer/{SYSTEM}/5"' in html
    assert f'href="/activity/customer/{SYSTEM}/1"' not in html
    assert "HTTP 422" in html
    assert "&lt;b&gt;refused" in html
    assert "<b>refused" not in html


def test_group_links_to_its_jobs_in_activity(stage: Stage, monitor: Monitor) -> None:
    """The filter of the link finds these jobs and no others."""
    fail(stage, customer("7"), customer("8"), customer("8").subscription)
    fail(stage, customer("9"), failure=Failure("email-missing"))
    link = f"/activity?code={CODE}&amp;system={SYSTEM}&amp;kind=customer"
    assert f'href="{link}"' in monitor.get("/error-logs").text
    assert "2 jobs fit the filter" in monitor.text(link.replace("&amp;", "&"))


def test_group_without_a_success_is_called_configuration(stage: Stage, monitor: Monitor) -> None:
    """When one code fails on every record, the data is hardly at fault."""
    fail(stage, *many(5))
    assert "Perhaps the configuration" in monitor.text("/error-logs")
    stage.ledger.complete(claimed(stage.ledger, customer("99")), CALLS, Action.CREATED)
    assert "Perhaps the configuration" not in monitor.text("/error-logs")


def test_refused_notifications_stand_behind_the_groups(stage: Stage, monitor: Monitor) -> None:
    """In groups too, with what to do."""
    fail(stage)
    for _ in range(2):
        stage.ledger.refuse(refusal())
        stage.ledger.refuse(refusal("product/updated"))
    page = monitor.text("/error-logs")
    assert page.index(ENTRY.title) < page.index("Refused notifications") < page.index("customer/deleted")
    assert page.count(CATALOGUE["scope-unsupported"].resolution) == 2


def test_page_says_when_redis_does_not_answer(stage: Stage, monitor: Monitor) -> None:
    """In the catalogue's words."""
    stage.move_ledger(NOWHERE)
    answer = monitor.get("/error-logs")
    assert answer.status_code == 503
    assert "redis-unavailable" not in answer.text
    assert CATALOGUE["redis-unavailable"].title in answer.text


# Re-run all ----------------------------------------------------------------------------------------------------------


def test_rerun_asks_first_with_the_number(stage: Stage, monitor: Monitor) -> None:
    """To look at the question changes nothing."""
    fail(stage, *many(3))
    page = monitor.text(f"{GROUP}/rerun")
    assert "Re-run 3 customer jobs?" in page
    assert failed(stage) == 3


def test_rerun_requests_every_job_of_the_group(stage: Stage, monitor: Monitor) -> None:
    """And no other; the answer says how many."""
    stage.limit(20 * PAGE)
    fail(stage, *many(PAGE + 2))
    fail(stage, customer("9000"), failure=Failure("email-missing"))
    answer = monitor.submit(f"{GROUP}/rerun", "/rerun")
    assert answer.status_code == 303
    assert failed(stage) == 1
    assert f"Re-run of {PAGE + 2} jobs requested" in monitor.text(answer.headers["Location"])


def test_rerun_job_runs_and_ends_well(stage: Stage, monitor: Monitor) -> None:
    """With the cause put right, the customer is transferred."""
    fail(stage)
    monitor.submit(f"{GROUP}/rerun", "/rerun")
    assert run(transfer_customer, SYSTEM, ID).state == "SUCCESS"
    assert stage.record(customer()).state is State.DONE
    assert "No job has failed" in monitor.text("/error-logs")


def test_job_that_failed_after_the_question_is_left_alone(stage: Stage, monitor: Monitor, client: redis.Redis) -> None:
    """Whoever agrees to three does not agree to a thousand."""
    fail(stage, customer("7"))
    form = next(form for form in monitor.forms(f"{GROUP}/discard") if form.method == "post")
    client.zadd(f"stamped-sync:code:customer:{SYSTEM}:{CODE}", {f"{SYSTEM}:7": int(form.fields["until"]) + 1})
    answer = monitor.post(form.action, form.fields | REASON)
    assert "discarded=0" in answer.headers["Location"]
    assert failed(stage) == 1


def test_rerun_of_an_unknown_connection_is_refused(stage: Stage, monitor: Monitor) -> None:
    """Its jobs would fail again at once; the page does not offer it."""
    fail(stage, customer(system_id=SYSTEM + 1))
    path = f"/error-logs/customer/{SYSTEM + 1}/{CODE}/rerun"
    assert path not in monitor.get("/error-logs").text
    answer = monitor.post(path, {"until": "1900000000000"} | monitor.token())
    assert answer.status_code == 400
    assert CATALOGUE["connection-unknown"].title in answer.text
    assert failed(stage) == 1


def test_change_that_does_not_say_what_is_refused(stage: Stage, monitor: Monitor) -> None:
    """A form that was tampered with changes nothing."""
    fail(stage)
    for until in ("", "soon", "9" * 19):
        assert monitor.post(f"{GROUP}/rerun", {"until": until} | monitor.token()).status_code == 400
    assert failed(stage) == 1


def test_empty_group_has_nothing_to_rerun(monitor: Monitor) -> None:
    """A link that was kept for long."""
    assert "There is nothing to re-run" in monitor.text(f"{GROUP}/rerun")


# Discard -------------------------------------------------------------------------------------------------------------


def test_discard_forgets_every_job_of_the_group(stage: Stage, monitor: Monitor) -> None:
    """And says how many; no API is called."""
    stage.limit(20 * PAGE)
    fail(stage, *many(PAGE + 2))
    answer = monitor.submit(f"{GROUP}/discard", "/discard", reason=REASON["reason"])
    assert failed(stage) == 0
    assert stage.ledger.record(customer("1")) is None
    assert f"{PAGE + 2} jobs discarded" in monitor.text(answer.headers["Location"])
    assert not stage.sandbox.calls


def test_discard_is_logged_with_its_reason(stage: Stage, monitor: Monitor, caplog: pytest.LogCaptureFixture) -> None:
    """With outcome, code and number; an address in the reason is masked."""
    fail(stage, *many(2))
    with caplog.at_level(logging.INFO):
        monitor.submit(f"{GROUP}/discard", "/discard", reason="asked by zoe@example.com")
    line = next(line for line in caplog.records if getattr(line, "outcome", "") == "discarded")
    assert (line.__dict__["code"], line.__dict__["count"]) == (CODE, 2)
    assert line.getMessage().endswith("discarded: asked by [masked]")


@pytest.mark.parametrize("path", [f"{GROUP}/discard", ONE])
@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_discard_needs_a_reason(stage: Stage, monitor: Monitor, path: str, reason: str) -> None:
    """Without one, or with a novel, it asks again and forgets nothing."""
    fail(stage)
    answer = monitor.submit(path, "/discard", reason=reason)
    assert answer.status_code == 400
    assert "Say why" in answer.text
    assert failed(stage) == 1


def test_one_job_is_discarded(stage: Stage, monitor: Monitor, caplog: pytest.LogCaptureFixture) -> None:
    """The others of its group stay."""
    fail(stage, customer(), customer("150714"))
    assert f"Discard the customer job of customer {ID}?" in monitor.text(ONE)
    with caplog.at_level(logging.INFO):
        answer = monitor.submit(ONE, "/discard", reason=REASON["reason"])
    assert "1 job discarded" in monitor.text(answer.headers["Location"])
    assert stage.ledger.record(customer()) is None
    assert failed(stage) == 1
    assert [line.__dict__["job"] for line in caplog.records if hasattr(line, "job")] == [str(customer())]


def test_job_that_is_not_failed_cannot_be_discarded(stage: Stage, monitor: Monitor) -> None:
    """Only failed jobs are forgotten."""
    stage.ledger.request(customer())
    assert monitor.get(ONE).status_code == 404
    assert monitor.post(ONE, REASON | monitor.token()).status_code == 404
    assert stage.ledger.record(customer())


# Who may -------------------------------------------------------------------------------------------------------------

CHANGES = [f"{GROUP}/rerun", f"{GROUP}/discard", ONE]
FIELDS = {"until": "1900000000000"} | REASON


@pytest.mark.parametrize("path", CHANGES)
def test_without_a_login_set_nothing_can_be_changed(stage: Stage, path: str) -> None:
    """The page refuses, and says how to set one."""
    fail(stage)
    with serving(login=None) as monitor:
        for answer in (monitor.get(path, None), monitor.post(path, FIELDS | monitor.token(None), None)):
            assert answer.status_code == 403
            assert "FLOWER_BASIC_AUTH=user:password" in answer.text
        assert "FLOWER_BASIC_AUTH=user:password" in monitor.get("/error-logs", None).text
    assert_unchanged(stage)


@pytest.mark.parametrize("path", ["/error-logs", *CHANGES])
def test_without_the_right_login_nothing_is_shown_or_changed(stage: Stage, monitor: Monitor, path: str) -> None:
    """401, for the page and for the change."""
    fail(stage)
    token = monitor.token()
    for login in (None, WRONG_LOGIN):
        assert monitor.get(path, login).status_code == 401
        if path in CHANGES:
            assert monitor.post(path, FIELDS | token, login).status_code == 401
    assert_unchanged(stage)


@pytest.mark.parametrize("path", CHANGES)
def test_change_that_another_site_forges_is_refused(stage: Stage, monitor: Monitor, path: str) -> None:
    """With the login that the browser sends along, but without the token of a page of ours."""
    fail(stage)
    for answer in monitor.forge(path, FIELDS):
        assert answer.status_code == 403
    assert_unchanged(stage)


def assert_unchanged(stage: Stage) -> None:
    """The one job is failed as it was, and no API was called."""
    record = stage.record(customer())
    assert (record.state, record.wanted, record.failure) == (State.FAILED, 1, FAILURE)
    assert not stage.queued.get("upkeep")
    assert not stage.sandbox.calls


def test_pages_follow_a_prefix(stage: Stage) -> None:
    """Behind a proxy, links and forms point to where the pages are."""
    fail(stage)
    with serving(url_prefix="flower") as monitor:
        assert f'href="/flower{GROUP}/rerun"' in monitor.get("/flower/error-logs").text
        answer = monitor.submit(f"/flower{GROUP}/rerun", "/rerun")
        assert answer.headers["Location"] == "/flower/error-logs?rerun=1"
