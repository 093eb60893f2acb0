"""Manual Sync over HTTP: the form, Preview, Submit and the progress of a batch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tasks import reconcile_subscription, transfer_customer
from tests.integration.html import text_of
from tests.integration.jobs import CALLS
from tests.integration.monitor_stage import WRONG_LOGIN, Monitor, serving
from tests.integration.stage import EMAIL, ID, JOB, NOWHERE, Stage, run
from tests.parts import SYSTEM
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.job import PAGE, Job, Kind, State
from worker.jobs.routes import CUSTOMERS, UPKEEP
from worker.monitor.manual_sync import MOST_IDS
from worker.monitor.previews import PREVIEWED

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis
    import requests

FORM = "/manual-sync"
PREVIEW = "/manual-sync/preview"
SUBMIT = "/manual-sync/submit"
FAILURE = Failure("customer-write-failed", 422)
MISSING_ID = "999"
"""No customer of the sandbox has it."""


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:  # noqa: ARG001 - Flower stands on it
    """Flower on the stage."""
    with serving() as monitor:
        yield monitor


def asked(ids: str = ID, **more: str) -> dict[str, str]:
    """The form, filled in."""
    return {"system": str(SYSTEM), "ids": ids} | more


def sent(monitor: Monitor, path: str, files: Any = None, **fields: str) -> requests.Response:
    """What comes of the form."""
    return monitor.post(path, asked(**fields) | monitor.token(), files=files)


def submitted(monitor: Monitor, **fields: str) -> str:
    """The address of the progress of what was submitted."""
    answer = sent(monitor, SUBMIT, **fields)
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["Location"]


def customer(customer_id: str) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, SYSTEM, customer_id)


def written(stage: Stage) -> list[str]:
    """The calls that change something."""
    return [call.path for call in stage.sandbox.calls if call.method != "GET"]


def requested(stage: Stage) -> int:
    """How many customer jobs the ledger holds."""
    counts = stage.ledger.counts(Kind.CUSTOMER)
    return counts.queued + counts.sent


# The form ------------------------------------------------------------------------------------------------------------


def test_form_offers_the_connections(monitor: Monitor) -> None:
    """By name and number."""
    assert f"Sandbox {SYSTEM} ({SYSTEM})" in monitor.text(FORM)


def test_list_in_another_encoding_is_told(stage: Stage, monitor: Monitor) -> None:
    """As on the command line."""
    answer = sent(monitor, SUBMIT, {"file": ("ids.txt", "Zoë\nChloë".encode("latin-1"))}, ids="abc")
    assert "ids.txt, line 1: is not UTF-8 text: save it in UTF-8" in text_of(answer.text)
    assert "line 2" not in text_of(answer.text)
    assert requested(stage) == 0


@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
def test_all_faults_are_told_at_once(stage: Stage, monitor: Monitor, path: str) -> None:
    """Each with its line, those of the file too; nothing is requested, and what was pasted is still there."""
    files = {"file": ("ids.txt", b"150715\n0150716 # begins with 0\n")}
    answer = sent(monitor, path, files, ids="150713, abc\n-1\n")
    assert answer.status_code == 400
    page = text_of(answer.text)
    for fault in ("Customer IDs, line 1: 'abc'", "Customer IDs, line 2: '-1'", "ids.txt, line 2: '0150716'"):
        assert fault in page
    assert "150713, abc" in answer.text
    assert requested(stage) == 0
    assert not stage.sandbox.calls


@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"system": ""}, "Choose a connection."),
        ({"system": "4099"}, "Choose a connection."),
        ({"ids": " \n# 150713\n"}, "There is no id in what was given."),
    ],
)
def test_what_is_missing_is_told(stage: Stage, monitor: Monitor, path: str, fields: dict[str, str], fault: str) -> None:
    """A connection that is configured, and at least one id."""
    answer = sent(monitor, path, **fields)
    assert answer.status_code == 400
    assert fault in text_of(answer.text)
    assert requested(stage) == 0


def test_long_list_of_faults_is_cut(monitor: Monitor) -> None:
    """A file that is no list of ids says so in 20 lines."""
    page = text_of(sent(monitor, SUBMIT, ids="x\n" * 50).text)
    assert "line 20: 'x'" in page
    assert "line 21" not in page
    assert "… and 30 more" in page


def test_what_is_no_id_cannot_be_markup(monitor: Monitor) -> None:
    """It is shown as it was written."""
    answer = sent(monitor, SUBMIT, ids="</textarea><script>1</script>")
    assert "<script>1" not in answer.text
    assert "&lt;script&gt;1" in answer.text


def test_more_ids_than_the_page_takes_are_refused(stage: Stage, monitor: Monitor) -> None:
    """With the way to do it all the same."""
    answer = sent(monitor, SUBMIT, ids="\n".join(map(str, range(1, MOST_IDS + 2))))
    assert answer.status_code == 400
    assert "stamped-sync sync --file" in text_of(answer.text)
    assert requested(stage) == 0


# Preview -------------------------------------------------------------------------------------------------------------


def test_preview_shows_payload_and_decisions_and_writes_nothing(stage: Stage, monitor: Monitor) -> None:
    """Side by side, in the words of the command line."""
    answer = sent(monitor, PREVIEW)
    page = text_of(answer.text)
    for said in (EMAIL, "Zoë", "would create a customer in Stamped.io, and link it", "not mapped: left unchanged"):
        assert said in page
    assert not written(stage)
    assert stage.ledger.record(JOB) is None
    assert answer.headers["Cache-Control"] == "no-store"


def test_preview_keeps_the_ids_for_submit(monitor: Monitor) -> None:
    """Those of the file too, which a browser forgets; and whether it is debug."""
    answer = sent(monitor, PREVIEW, {"file": ("ids.txt", b"150714\n150713")}, debug="1")
    assert "150713\n150714</textarea>" in answer.text
    assert re.search(r'name="debug"[^>]* checked', answer.text)


def test_preview_shows_the_error_that_a_transfer_would_end_with(monitor: Monitor) -> None:
    """For that customer alone, with cause and resolution."""
    page = text_of(sent(monitor, PREVIEW, ids=f"{MISSING_ID} {ID}").text)
    entry = CATALOGUE["customer-not-found"]
    for said in (f"Would fail: {entry.title}", entry.cause, entry.resolution, EMAIL):
        assert said in page


def test_preview_ends_where_the_error_is_not_one_customers(stage: Stage, monitor: Monitor) -> None:
    """With refused credentials, nine more refusals would say nothing new."""
    stage.refuse(401, path="customer")
    page = text_of(sent(monitor, PREVIEW, ids=f"{ID} {MISSING_ID}").text)
    assert CATALOGUE["ipaas-credentials-refused"].title in page
    assert page.count("Not read") == 1


def test_preview_of_many_reads_the_first(stage: Stage, monitor: Monitor) -> None:
    """And says how many customers those are."""
    page = text_of(sent(monitor, PREVIEW, ids=" ".join(str(800 + each) for each in range(PREVIEWED + 5))).text)
    assert f"The first {PREVIEWED} of {PREVIEWED + 5} customers" in page
    assert len(stage.sandbox.calls) == PREVIEWED


@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
def test_address_of_an_answer_leads_to_the_form(monitor: Monitor, path: str) -> None:
    """For somebody who loads it again from the address bar."""
    answer = monitor.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, FORM)


# Submit --------------------------------------------------------------------------------------------------------------


def test_submit_requests_each_id_once(stage: Stage, monitor: Monitor) -> None:
    """From the field and the file together; the jobs are in the ledger when the answer comes."""
    answer = sent(monitor, SUBMIT, {"file": ("ids.txt", b"\xef\xbb\xbf150714\r\n150713\n")}, ids="150713 # Zoe\n")
    assert answer.status_code == 303
    assert [stage.record(customer(each)).wanted for each in ("150713", "150714")] == [1, 1]
    assert requested(stage) == 2


def test_submit_takes_any_number_in_pages(stage: Stage, monitor: Monitor) -> None:
    """More than one page of the ledger."""
    path = submitted(monitor, ids=" ".join(map(str, range(1, PAGE + 3))))
    assert requested(stage) == PAGE + 2
    assert f"{PAGE + 2} customers of Sandbox {SYSTEM}" in monitor.text(path)


def test_submit_does_not_wait_for_a_retry_that_rests(stage: Stage, monitor: Monitor) -> None:
    """Whoever asks by hand has put the cause right."""
    stage.ledger.request(JOB)
    stage.ledger.defer(stage.ledger.claim(JOB), CALLS, 3600, FAILURE, carried=False)
    submitted(monitor)
    assert stage.record().state is State.SENT


@pytest.mark.parametrize(("debug", "queue"), [({}, CUSTOMERS), ({"debug": "1"}, UPKEEP)])
def test_debug_goes_to_the_front(stage: Stage, monitor: Monitor, debug: dict[str, str], queue: str) -> None:
    """The Debug choice is that of `stamped-sync sync --debug`."""
    submitted(monitor, **debug)
    assert stage.queued == {queue: 1}


def test_redis_that_goes_away_is_told(stage: Stage, monitor: Monitor) -> None:
    """With how many were requested for certain; the ids are still there."""
    stage.move_ledger(NOWHERE)
    answer = sent(monitor, SUBMIT)
    assert answer.status_code == 503
    assert "0 of 1 customers were requested for certain" in text_of(answer.text)
    assert f"{ID}</textarea>" in answer.text


# Progress ------------------------------------------------------------------------------------------------------------


def test_progress_counts_what_the_jobs_came_to(stage: Stage, monitor: Monitor, redis_url: str) -> None:
    """The customer and its subscription; the page is live until both have ended."""
    stage.map_subscription(value=False)
    stage.build(redis_url)
    path = submitted(monitor)
    assert "0 of 1 ended, 0 %" in monitor.text(path)
    run(transfer_customer, SYSTEM, ID)
    run(reconcile_subscription, SYSTEM, ID)
    page = monitor.text(path)
    for said in ("1 of 1 ended, all well.", "0 under way", "1 created", "1 unsubscribed", "0 failed"):
        assert said in page


def test_page_is_live_until_all_have_ended(stage: Stage, monitor: Monitor) -> None:
    """With the script, and without it too."""
    path = submitted(monitor)
    html = monitor.get(path).text
    assert "data-live" in html
    assert '<noscript><meta http-equiv="refresh"' in html
    run(transfer_customer, SYSTEM, ID)
    html = monitor.get(path).text
    assert "data-live" not in html
    assert "noscript" not in html
    assert stage.record().state is State.DONE


def test_progress_is_of_exactly_these_ids(stage: Stage, monitor: Monitor) -> None:
    """Other jobs that end meanwhile do not count."""
    path = submitted(monitor, ids="150714")
    stage.ledger.request(JOB)
    run(transfer_customer, SYSTEM, ID)
    assert "0 of 1 ended" in monitor.text(path)


def test_failed_job_is_listed_with_its_code_and_a_link(stage: Stage, monitor: Monitor) -> None:
    """From there it can be re-run."""
    stage.refuse(422)
    path = submitted(monitor)
    run(transfer_customer, SYSTEM, ID)
    html = monitor.get(path).text
    page = text_of(html)
    assert "1 of 1 ended; 1 job failed." in page
    assert CATALOGUE["customer-write-failed"].title in page
    assert f'href="/activity/customer/{SYSTEM}/{ID}"' in html
    assert EMAIL not in html


def test_list_shows_how_a_failed_job_stands_now(stage: Stage, monitor: Monitor) -> None:
    """A job that was put right and re-run is done."""
    stage.refuse(422)
    path = submitted(monitor)
    run(transfer_customer, SYSTEM, ID)
    monitor.text(path)
    stage.sandbox.clear_faults()
    stage.ledger.request(JOB)
    run(transfer_customer, SYSTEM, ID)
    assert f"{ID} customer done created" in monitor.text(path)


def test_job_that_rests_is_listed_with_its_next_try(stage: Stage, monitor: Monitor) -> None:
    """It is why the last percent takes its time."""
    path = submitted(monitor)
    stage.ledger.defer(stage.ledger.claim(JOB), CALLS, 3600, FAILURE, carried=False)
    page = monitor.text(path)
    assert "waiting" in page
    assert "next try in" in page


def test_progress_shows_the_hold_of_its_connection(stage: Stage, monitor: Monitor) -> None:
    """Nothing moves, and this is why."""
    path = submitted(monitor, ids=f"{ID} 150714")
    stage.refuse(401)
    run(transfer_customer, SYSTEM, ID)
    assert f"({SYSTEM}) has been held" in monitor.text(path)


@pytest.mark.parametrize("seconds", [0, 60])
def test_progress_says_that_no_worker_seems_to_run(stage: Stage, monitor: Monitor, seconds: int) -> None:
    """Once no job has started for a while; and how to start one."""
    stage.patch.setattr("worker.monitor.batch.PATIENCE_SECONDS", seconds)
    html = monitor.get(submitted(monitor)).text
    assert ("no worker seems to run" in html) == (seconds == 0)
    assert ("<code>stamped-sync up</code>" in html) == (seconds == 0)


def test_progress_shows_no_such_notice_while_a_worker_is_busy(stage: Stage, monitor: Monitor) -> None:
    """The jobs wait behind others."""
    stage.patch.setattr("worker.monitor.batch.PATIENCE_SECONDS", 0)
    stage.ledger.request(JOB)
    stage.ledger.claim(JOB)
    assert "no worker seems to run" not in monitor.text(submitted(monitor, ids="150714"))


@pytest.mark.parametrize("batch_id", ["A" * 22, "unknown"])
def test_unknown_batch_is_not_found(monitor: Monitor, batch_id: str) -> None:
    """It is older than a day, or was never there."""
    assert monitor.get(f"{FORM}/{batch_id}").status_code == 404


def test_batch_holds_ids_alone(stage: Stage, monitor: Monitor, client: redis.Redis) -> None:
    """No e-mail address and no name, and nothing that Redis would not forget by itself."""
    stage.refuse(422)
    path = submitted(monitor)
    run(transfer_customer, SYSTEM, ID)
    monitor.text(path)
    batch = f"stamped-sync:batch:{path.rpartition('/')[2]}"
    assert set(client.scan_iter("stamped-sync:batch:*")) == {batch, f"{batch}:cursor", f"{batch}:failed"}
    assert set(client.hgetall(batch)) == {"system_id", "total", "at", "of", "ended:failed"}
    assert client.zrange(f"{batch}:failed", 0, -1) == [f"customer:{ID}"]


# Who may -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
def test_without_a_login_set_nothing_is_done(stage: Stage, path: str) -> None:
    """The form has no buttons, and the page says how to set a login."""
    with serving(login=None) as monitor:
        answer = monitor.post(path, asked() | monitor.token(None), None)
        assert answer.status_code == 403
        assert "FLOWER_BASIC_AUTH=user:password" in answer.text
        form = monitor.get(FORM, None).text
        assert "FLOWER_BASIC_AUTH=user:password" in form
        assert "formaction" not in form
    assert_nothing_happened(stage)


@pytest.mark.parametrize("path", [FORM, PREVIEW, SUBMIT, f"{FORM}/{'A' * 22}"])
def test_without_the_right_login_nothing_is_shown_or_done(stage: Stage, monitor: Monitor, path: str) -> None:
    """401, for the pages and for what they send."""
    token = monitor.token()
    for login in (None, WRONG_LOGIN):
        assert monitor.get(path, login).status_code == 401
        if path in {PREVIEW, SUBMIT}:
            assert monitor.post(path, asked() | token, login).status_code == 401
    assert_nothing_happened(stage)


@pytest.mark.parametrize("path", [PREVIEW, SUBMIT])
def test_what_another_site_forges_is_refused(stage: Stage, monitor: Monitor, path: str) -> None:
    """With the login that the browser sends along, but without the token of a page of ours."""
    for answer in monitor.forge(path, asked()):
        assert answer.status_code == 403
        assert EMAIL not in answer.text
    assert_nothing_happened(stage)


def assert_nothing_happened(stage: Stage) -> None:
    """No job, no message, no call."""
    assert stage.ledger.record(JOB) is None
    assert not stage.queued
    assert not stage.sandbox.calls
