"""Error Logs over HTTP: groups of failed jobs, refused notifications, Re-run all and Discard."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tasks import transfer_customer
from tests.integration.html import text_of
from tests.integration.jobs import CALLS, claimed
from tests.integration.monitor_stage import WRONG_LOGIN, Monitor, serving
from tests.integration.stage import ID, NOWHERE, Stage, run
from tests.parts import SYSTEM
from worker.jobs.asking import Source
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.job import PAGE, Action, Job, Kind, State
from worker.jobs.retries import Pause
from worker.ledger import Ledger, Refusal, StoreLimits
from worker.ledger.memory.event import EventFilter
from worker.monitor.group import ROWS_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis
    import requests

CODE = "customer-write-failed"
FAILURE = Failure(CODE, 422, "the address is <b>refused</b>")
ENTRY = CATALOGUE[CODE]
GROUP = f"/error-logs/customer/{SYSTEM}/{CODE}"
ONE = f"/activity/customer/{SYSTEM}/{ID}/discard"
SUB_GROUP = re.compile(r'class="sub-group" href="[^"]*(\?message=\w+)"><span class="sub-count">5<')
TICK = re.compile(r'name="job" value="(\d+)"')
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


def test_group_links_to_its_jobs(stage: Stage, monitor: Monitor) -> None:
    """To these and no others."""
    fail(stage, customer("7"), customer("8"), customer("8").subscription)
    fail(stage, customer("9"), failure=Failure("email-missing"))
    assert f'href="{GROUP}"' in monitor.get("/error-logs").text
    assert ticks(monitor) == ["8", "7"]


# A group's own page ---------------------------------------------------------------------------------------------------


def ticks(monitor: Monitor, query: str = "") -> list[str]:
    """The customers that can be ticked on a group's page."""
    return TICK.findall(monitor.get(f"{GROUP}{query}").text)


def choose(monitor: Monitor, verb: str, *ids: str, **more: Any) -> requests.Response:
    """Tick some and press a button."""
    return monitor.submit(GROUP, "/chosen", job=list(ids), verb=verb, **more)


def test_jobs_stand_together_by_what_the_api_said(stage: Stage, monitor: Monitor) -> None:
    """Whatever differs from one customer to the next."""
    for number in range(1, 8):
        words = f'Email "c{number}" of customer {number} is taken' if number < 6 else "Name is too long"
        fail(stage, customer(str(number)), failure=Failure(CODE, 422 if number < 7 else 400, words))
    page = monitor.text(GROUP)
    for words in ("5 HTTP 422: Email “…” of customer # is taken", "1 HTTP 422: Name is too long", "1 HTTP 400: Name"):
        assert words in page, page
    assert "HTTP 422: Email “…” of customer # is taken for example 5" in monitor.text("/error-logs")
    assert len(ticks(monitor)) == 7
    [link] = SUB_GROUP.findall(monitor.get(GROUP).text)
    assert ticks(monitor, link) == ["5", "4", "3", "2", "1"]
    assert len(ticks(monitor, "?message=none")) == 7
    assert "Email &quot;c3&quot; of customer 3 is taken" in monitor.get(f"{GROUP}{link}").text


def test_a_large_group_has_pages(stage: Stage, monitor: Monitor) -> None:
    """And the page says that it looks at the newest."""
    fail(stage, *many(2 * ROWS_PER_PAGE + 1))
    shown = [ticks(monitor, f"?page={page}") for page in (1, 2, 3)]
    assert [len(each) for each in shown] == [ROWS_PER_PAGE, ROWS_PER_PAGE, 1]
    assert len(set().union(*shown)) == 2 * ROWS_PER_PAGE + 1
    assert ticks(monitor, "?page=99") == shown[2]
    assert ticks(monitor, "?page=x") == ticks(monitor, "?page=0") == shown[0]
    assert "Of the newest 50" in monitor.text("/error-logs")


def test_ticked_jobs_are_run_again_and_followed(stage: Stage, monitor: Monitor) -> None:
    """No others; their page runs those that fail once more."""
    fail(stage, *many(3))
    answer = choose(monitor, "rerun", "1", "3")
    assert (answer.status_code, failed(stage)) == (303, 1)
    path = answer.headers["Location"]
    assert "2 jobs of Sandbox" in monitor.text(path)
    for number in (1, 3):
        stage.ledger.fail(stage.ledger.claim(customer(str(number))), CALLS, FAILURE)
    assert "2 jobs failed" in monitor.text(path)
    again = monitor.submit(path, "/rerun")
    assert again.status_code == 303
    assert again.headers["Location"] != path
    assert failed(stage) == 1
    assert "2 jobs of Sandbox" in monitor.text(again.headers["Location"])
    events = stage.ledger.events.page(EventFilter(outcome="requested")).events
    assert [(each.asker.user, each.note) for each in events] == [("operator", "2 jobs")] * 2


def test_ticked_jobs_are_discarded_with_a_reason(stage: Stage, monitor: Monitor) -> None:
    """Which is remembered with each."""
    fail(stage, *many(3))
    answer = choose(monitor, "discard", "2", reason="ask zoe@example.com")
    assert answer.headers["Location"] == "/error-logs?discarded=1"
    assert failed(stage) == 2
    discarded, _ = stage.ledger.events.life_of(customer("2"))
    assert (discarded.asker.user, discarded.outcome) == ("operator", "discarded")
    assert discarded.note.startswith("ask ")
    assert "zoe@example.com" not in discarded.note


@pytest.mark.parametrize(
    ("verb", "ids", "reason"),
    [("rerun", [], ""), ("discard", ["1"], ""), ("discard", ["1"], "x" * 201), ("", ["1"], "x"), ("rerun", ["x"], "")],
)
def test_what_is_not_clear_changes_nothing(
    stage: Stage, monitor: Monitor, verb: str, ids: list[str], reason: str
) -> None:
    """The page says what is missing."""
    fail(stage, *many(2))
    assert choose(monitor, verb, *ids, reason=reason).status_code == 400
    assert failed(stage) == 2


def test_a_ticked_job_that_failed_otherwise_meanwhile_is_left_alone(stage: Stage, monitor: Monitor) -> None:
    """Nobody has read that error."""
    fail(stage, *many(2))
    form = next(each for each in monitor.forms(GROUP) if each.action.endswith("/chosen"))
    stage.ledger.request(customer("1"))
    stage.ledger.fail(stage.ledger.claim(customer("1")), CALLS, Failure("email-missing"))
    fields = form.fields | {"job": ["1", "2"], "verb": "discard", "reason": "x"}
    assert monitor.post(form.action, fields).headers["Location"] == "/error-logs?discarded=1"
    assert stage.record(customer("1")).code == "email-missing"
    assert stage.ledger.record(customer("2")) is None
    assert monitor.post(form.action, form.fields | {"job": ["1", "777"], "verb": "rerun"}).status_code == 400
    assert stage.ledger.record(customer("777")) is None
    many_ids = [str(number) for number in range(1, ROWS_PER_PAGE + 2)]
    assert monitor.post(form.action, form.fields | {"job": many_ids, "verb": "rerun"}).status_code == 400


def test_a_group_that_was_run_again_already_says_so(stage: Stage, monitor: Monitor) -> None:
    """Two people may press the same button."""
    fail(stage)
    form = next(each for each in monitor.forms(f"{GROUP}/rerun") if each.action.endswith("/rerun"))
    assert monitor.post(form.action, form.fields).headers["Location"].startswith("/manual-sync/")
    again = monitor.post(form.action, form.fields)
    assert again.headers["Location"] == "/error-logs?rerun=0"
    assert "none was run again" in monitor.text(again.headers["Location"])
    assert len(stage.ledger.events.page(EventFilter(outcome="requested")).events) == 1


def test_a_group_that_there_is_not_is_not_acknowledged(stage: Stage, monitor: Monitor) -> None:
    """Nobody would ever see the note."""
    assert monitor.post(f"{GROUP}/note", monitor.token() | {"text": "x"}).status_code == 404
    assert stage.client.hlen("stamped-sync:notes") == 0


def test_a_batch_without_a_failed_job_runs_nothing_again(stage: Stage, monitor: Monitor) -> None:
    """Nor one that there is not."""
    fail(stage)
    path = choose(monitor, "rerun", ID).headers["Location"]
    assert monitor.post(f"{path}/rerun", monitor.token()).status_code == 400
    assert monitor.post(f"/manual-sync/{'A' * 22}/rerun", monitor.token()).status_code == 400


def test_a_group_that_is_empty_says_so(monitor: Monitor) -> None:
    """Somebody may have run its jobs again meanwhile."""
    assert "has this error any more" in monitor.text(GROUP)


def test_a_group_is_acknowledged(stage: Stage, monitor: Monitor) -> None:
    """With a note and the user; what fails afterwards is counted."""
    fail(stage, *many(2))
    assert monitor.submit(GROUP, "/note", text="waiting for support, zoe@example.com").status_code == 303
    for path in (GROUP, "/error-logs"):
        assert "Acknowledged by operator 0 s ago: waiting for support, " in monitor.text(path)
        assert "zoe@example.com" not in monitor.text(path)
        assert "new since" not in monitor.text(path)
    fail(stage, customer("9"))
    assert "1 new since" in monitor.text("/error-logs")
    monitor.submit(GROUP, "/note", withdraw="1")
    assert "Acknowledged" not in monitor.text("/error-logs")
    events = stage.ledger.events.page(EventFilter(source=Source.PERSON)).events
    assert [(each.outcome, each.code) for each in events] == [("withdrawn", CODE), ("acknowledged", CODE)]
    assert monitor.submit(GROUP, "/note", text="x" * 201).status_code == 400


def test_holds_come_first(stage: Stage, monitor: Monitor) -> None:
    """As long as they last, nothing else of the store helps."""
    fail(stage)
    stage.ledger.hold_store(SYSTEM, "stamped", Failure("stamped-credentials-refused", 401), Pause(600, 600))
    page = monitor.text("/error-logs")
    assert page.index(f"({SYSTEM}) has been held since") < page.index(ENTRY.title)
    assert "has been held" not in monitor.text("/error-logs?system=4022")


def test_refused_notifications_show_their_detail_and_can_be_dismissed(stage: Stage, monitor: Monitor) -> None:
    """Those that were shown, and no others."""
    for number in range(7):
        stage.ledger.refuse(replace(refusal(), position=number + 1))
    stage.ledger.refuse(refusal("product/created"))
    page = monitor.text("/error-logs")
    assert f"notification 7 of trigger trigger-1, customer {ID} customer/deleted" in page
    assert "and 2 more" in page
    form = next(each for each in monitor.forms("/error-logs") if each.fields.get("scope") == "customer/deleted")
    stage.ledger.refuse(replace(refusal(), position=8, trigger_id="later"))
    later = stage.ledger.refusals()[0]
    fields = form.fields | {"until": str(int(later.at.timestamp() * 1000) - 1) if later.at else ""}
    answer = monitor.post(form.action, fields)
    assert answer.status_code == 303
    left = {(each.scope, each.trigger_id) for each in stage.ledger.refusals()}
    assert left >= {("product/created", "trigger-1"), ("customer/deleted", "later")}
    dismissed = stage.ledger.events.page(EventFilter(outcome="dismissed")).events
    assert sum(int(each.note.split()[0]) for each in dismissed) == 9 - len(stage.ledger.refusals())
    assert {each.asker.user for each in dismissed} <= {"operator"}


@pytest.mark.parametrize("path", [f"{GROUP}/chosen", f"{GROUP}/note", "/error-logs/dismiss"])
def test_no_other_site_can_send_these(stage: Stage, monitor: Monitor, path: str) -> None:
    """Nor anybody without the login."""
    fail(stage)
    fields = {"job": ID, "verb": "rerun", "text": "x"}
    assert [answer.status_code for answer in monitor.forge(path, fields)] == [403, 403, 403]
    assert monitor.post(path, monitor.token() | fields, WRONG_LOGIN).status_code == 401
    assert_unchanged(stage)


# Re-run and discard ---------------------------------------------------------------------------------------------------


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


def test_frequent_fault_hides_no_other(stage: Stage, monitor: Monitor) -> None:
    """The newest with each fault is shown, however many came after it; what it says can't be markup."""
    for detail in ("it is <b>long</b>", *["it is compressed"] * 9):
        stage.ledger.refuse(Refusal("trigger-malformed", detail, "", 0, "", "", ""))
    html = monitor.get("/error-logs").text
    assert "it is &lt;b&gt;long&lt;/b&gt;" in html
    assert html.count("it is compressed") == 5
    assert "and 4 more" in text_of(html)


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
    """And no other; the answer is their progress."""
    stage.limit(20 * PAGE)
    fail(stage, *many(PAGE + 2))
    fail(stage, customer("9000"), failure=Failure("email-missing"))
    answer = monitor.submit(f"{GROUP}/rerun", "/rerun")
    assert answer.status_code == 303
    assert failed(stage) == 1
    assert f"{PAGE + 2} jobs of Sandbox" in monitor.text(answer.headers["Location"])


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
        assert answer.headers["Location"].startswith("/flower/manual-sync/")
