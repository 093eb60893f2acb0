"""Re-run: on a job's page, and on the page that Flower has for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.integration.html import text_of
from tests.integration.jobs import FAILURE, JOB, claimed
from tests.integration.monitor_stage import WRONG_LOGIN, Monitor, contents, serving
from tests.integration.stage import NOWHERE, transferred
from worker.jobs.job import State
from worker.jobs.routes import CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage

PAGE = "/activity/customer/4021/150713"
TASK = "65cd8bd4-d326-4503-b07d-708a6f8ebf40"
OTHER_TASK = "1af02b8a-17ae-4fbb-95aa-4d8a61bc45f7"
RERUNS: dict[str, dict[str, str]] = {
    "/rerun": {"kind": "customer", "system": "4021", "customer": "150713"},
    f"/task/{TASK}/rerun": {},
}
"""Every address of a change, with a form that would do it."""

EACH_RERUN = pytest.mark.parametrize("path", RERUNS)


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:
    """Flower, whose ledger holds one failed job, and which has seen its task fail."""
    stage.ledger.fail(claimed(stage.ledger), (), FAILURE)
    with serving() as monitor:
        see_task(monitor)
        yield monitor


def see_task(
    monitor: Monitor,
    name: str = "stamped.transfer_customer",
    args: str | None = "(4021, '150713')",
    ends: str = "task-failed",
    uuid: str = TASK,
) -> None:
    """Let Flower see a task begin and end."""
    monitor.see("task-received", uuid=uuid, name=name, args=args, kwargs="{}")
    monitor.see(ends, uuid=uuid, exception="CustomerWriteFailed()")


# On a job's page -----------------------------------------------------------------------------------------------------


def test_rerun_starts_the_job_again(stage: Stage, monitor: Monitor) -> None:
    """Its attempts are reset, its message is sent, and the browser is led back to its page."""
    answer = monitor.submit(PAGE, "/rerun")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    record = stage.record()
    assert (record.state, record.wanted, record.attempt) == (State.SENT, 2, 0)
    assert stage.messages(CUSTOMERS) == [("stamped.transfer_customer", [4021, "150713"])]


def test_rerun_does_not_wait_for_the_next_try(stage: Stage, monitor: Monitor) -> None:
    """Somebody who put the cause right need not wait two hours."""
    stage.ledger.defer(claimed(stage.ledger), (), 7200, FAILURE, carried=False)
    monitor.submit(PAGE, "/rerun")
    assert stage.record().state is State.SENT


def test_rerun_of_a_subscription_job_runs_that(stage: Stage, monitor: Monitor) -> None:
    """The kind is part of the form."""
    stage.ledger.fail(claimed(stage.ledger, JOB.subscription), (), FAILURE)
    answer = monitor.submit("/activity/subscription/4021/150713", "/rerun")
    assert answer.headers["Location"] == "/activity/subscription/4021/150713"
    assert (stage.record(JOB.subscription).state, stage.record().state) == (State.SENT, State.FAILED)


@EACH_RERUN
def test_without_a_login_nothing_is_run_again(path: str, stage: Stage, redis_url: str, monitor: Monitor) -> None:
    """And the refusal says how to set one."""
    with serving(login=None) as open_monitor:
        see_task(open_monitor)
        before = contents(redis_url)
        for fields in (RERUNS[path], RERUNS[path] | open_monitor.token(None)):
            answer = open_monitor.post(path, fields, None)
            assert answer.status_code == 403
            assert "FLOWER_BASIC_AUTH=user:password" in text_of(answer.text)
        assert contents(redis_url) == before
    assert stage.record().state is State.FAILED
    del monitor


@EACH_RERUN
@pytest.mark.parametrize("login", [None, WRONG_LOGIN], ids=["none", "wrong"])
def test_with_a_wrong_login_nothing_is_run_again(
    path: str, login: tuple[str, str] | None, redis_url: str, monitor: Monitor
) -> None:
    """With a page's token or without."""
    before = contents(redis_url)
    for fields in (RERUNS[path], RERUNS[path] | monitor.token()):
        assert monitor.post(path, fields, login).status_code == 401
    assert contents(redis_url) == before


@EACH_RERUN
def test_what_another_site_forges_is_not_run_again(path: str, redis_url: str, monitor: Monitor) -> None:
    """The browser sends the login by itself, but no other site knows the page's token."""
    before = contents(redis_url)
    answers = list(monitor.forge(path, RERUNS[path]))
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert "Nothing was changed" in text_of(answers[0].text)
    assert contents(redis_url) == before


@EACH_RERUN
def test_a_flower_that_is_read_only_runs_nothing_again(path: str, redis_url: str, stage: Stage) -> None:
    """As Flower's own buttons do nothing then."""
    stage.ledger.request(JOB)
    with serving(read_only=True) as monitor:
        see_task(monitor)
        before = contents(redis_url)
        answer = monitor.post(path, RERUNS[path] | monitor.token())
        assert (answer.status_code, contents(redis_url)) == (403, before)
        assert "read-only" in text_of(answer.text)


@pytest.mark.parametrize("page", [PAGE, f"/task/{TASK}"])
@pytest.mark.parametrize("options", [{"login": None}, {"read_only": True}], ids=["no login", "read-only"])
def test_where_nothing_can_be_changed_there_is_no_button(page: str, options: dict[str, Any], stage: Stage) -> None:
    """The reason stands in its place."""
    stage.ledger.request(JOB)
    login = options.get("login", ("operator", "correct-horse"))
    with serving(**options) as monitor:
        see_task(monitor)
        answer = monitor.get(page, login)
        assert "so it refuses everything that changes something" in text_of(answer.text)
        assert "Re-run" not in text_of(answer.text)


@EACH_RERUN
def test_looking_at_the_address_of_a_change_changes_nothing(path: str, redis_url: str, monitor: Monitor) -> None:
    """A change is a POST."""
    before = contents(redis_url)
    assert monitor.get(path).status_code in {404, 405}
    assert contents(redis_url) == before


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "order", "system": "4021", "customer": "1"}, "the kind is neither customer nor subscription"),
        ({"kind": "customer", "system": "9", "customer": "1"}, "Unknown connection"),
        ({"kind": "customer", "system": "", "customer": "1"}, "Unknown connection"),
        ({"kind": "customer", "system": "4021", "customer": "zoe@example.com"}, "Not an iPaaS.com Customer ID"),
        ({}, "the kind is neither customer nor subscription"),
    ],
)
def test_what_is_no_job_is_refused_in_plain_words(
    fields: dict[str, str], words: str, redis_url: str, monitor: Monitor
) -> None:
    """With the catalogue's cause and resolution; what was sent is not repeated."""
    before = contents(redis_url)
    answer = monitor.post("/rerun", fields | monitor.token())
    text = text_of(answer.text)
    assert (answer.status_code, contents(redis_url)) == (400, before)
    assert words in text
    assert "Resolution" in text
    assert "zoe" not in text


def test_rerun_while_redis_does_not_answer_is_told(stage: Stage, monitor: Monitor) -> None:
    """It was not asked for, and the page says so."""
    token = monitor.token()
    stage.move_ledger(NOWHERE)
    answer = monitor.post("/rerun", RERUNS["/rerun"] | token)
    assert answer.status_code == 503
    assert "Redis does not answer" in text_of(answer.text)


# On the page of a task -----------------------------------------------------------------------------------------------


def test_a_failed_tasks_own_page_offers_to_run_its_job_again(stage: Stage, monitor: Monitor) -> None:
    """Whoever comes from Flower's list of tasks need not look for the job."""
    answer = monitor.submit(f"/task/{TASK}", f"/task/{TASK}/rerun")
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    assert stage.record().state is State.SENT


def test_a_tasks_own_page_leads_to_its_job(monitor: Monitor) -> None:
    """And stays out of other sites' frames, as it holds a button of ours."""
    answer = monitor.get(f"/task/{TASK}")
    assert f'href="{PAGE}"' in answer.text
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("args", ["(4021, '150713')", "[4021, '150713']", "('4021', 150713)"])
def test_a_task_is_read_as_its_arguments_show(args: str, stage: Stage, monitor: Monitor) -> None:
    """However it was sent, the job is the same."""
    see_task(monitor, args=args, uuid=OTHER_TASK)
    monitor.submit(f"/task/{OTHER_TASK}", "/rerun")
    assert stage.record().state is State.SENT


@pytest.mark.parametrize("ends", ["task-succeeded", "task-retried", "task-revoked"])
def test_a_task_that_ended_otherwise_can_be_run_again_too(ends: str, stage: Stage, monitor: Monitor) -> None:
    """Also what ended well, or waits for a retry."""
    see_task(monitor, ends=ends, uuid=OTHER_TASK)
    assert monitor.submit(f"/task/{OTHER_TASK}", "/rerun").status_code == 303
    assert stage.record().state is State.SENT


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (("stamped.sweep", "()", "task-failed"), "Only stamped.transfer_customer and stamped.reconcile_subscription"),
        (("stamped.transfer_customer", "(4021, '150713')", "task-started"), "has not ended yet: it is STARTED"),
        (("stamped.transfer_customer", "(4021, ...)", "task-failed"), "Flower does not show the arguments"),
        (("stamped.transfer_customer", "(4021, '1507", "task-failed"), "Flower does not show the arguments"),
        (("stamped.transfer_customer", "(4021,)", "task-failed"), "Flower does not show the arguments"),
        (("stamped.transfer_customer", "'12'", "task-failed"), "Flower does not show the arguments"),
        (("stamped.transfer_customer", "(4021, exit())", "task-failed"), "Flower does not show the arguments"),
        (("stamped.transfer_customer", "(4021, 'zoe')", "task-failed"), "Flower does not show the arguments"),
        (("stamped.transfer_customer", "(" * 9999, "task-failed"), "Flower does not show the arguments"),
        (("stamped.transfer_customer", "", "task-failed"), "Flower does not show the arguments"),
        (("stamped.transfer_customer", None, "task-failed"), "Flower does not show the arguments"),
    ],
)
def test_a_task_that_is_no_ended_job_is_not_run_again(
    task: tuple[str, str | None, str], words: str, redis_url: str, monitor: Monitor
) -> None:
    """Its page has no button, and a request without it is refused in plain words."""
    see_task(monitor, *task, OTHER_TASK)
    before = contents(redis_url)
    assert "Re-run" not in monitor.text(f"/task/{OTHER_TASK}")
    answer = monitor.post(f"/task/{OTHER_TASK}/rerun", monitor.token())
    assert (answer.status_code, contents(redis_url)) == (400, before)
    assert words in text_of(answer.text)


def test_a_task_that_flower_has_forgotten_is_told(monitor: Monitor) -> None:
    """It keeps the last of them, and forgets all of them when it restarts."""
    answer = monitor.post("/task/0000/rerun", monitor.token())
    assert answer.status_code == 404
    assert "Flower does not know this task any more" in text_of(answer.text)


def test_nothing_of_a_person_is_on_any_page(stage: Stage, monitor: Monitor) -> None:
    """A customer that the store refuses in words that name them is shown by id alone."""
    stage.refuse(422)
    transferred(stage)
    for path in (PAGE, "/activity", f"/task/{TASK}"):
        page = monitor.get(path).text
        assert "150713" in page
        assert [words for words in ("zoe@example.com", "Müller", parts.PRIVATE_KEY, parts.TOKEN) if words in page] == []
