"""A job's page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.html import text_of
from tests.integration.jobs import FAILURE, JOB, claimed
from tests.integration.monitor_stage import Monitor, serving
from tests.integration.stage import transferred
from worker.jobs.calls import Api, MadeCall
from worker.jobs.job import Action, Next, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage

PAGE = "/activity/customer/4021/150713"
CALLS = [
    MadeCall(Api.IPAAS, "GET", "customers/v2/Customer/{id}", 200, 31),
    MadeCall(Api.STAMPED, "POST", "a", None, 7),
]


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:
    """Flower, whose ledger holds one failed job."""
    stage.ledger.fail(claimed(stage.ledger), CALLS, replace(FAILURE, detail="Name is <b>too long</b>"))
    with serving() as monitor:
        yield monitor


def test_the_page_tells_what_went_wrong_and_what_to_do(monitor: Monitor) -> None:
    """Title, code, status, message, the API's own words, cause and resolution."""
    text = monitor.text(PAGE)
    entry = FAILURE.entry
    for words in (entry.title, FAILURE.code, "HTTP 422", entry.message, "Name is <b>too long</b>", entry.cause):
        assert words in text
    assert entry.resolution in text
    assert "<b>too long" not in monitor.get(PAGE).text


def test_the_page_tells_where_the_job_stands(stage: Stage, monitor: Monitor) -> None:
    """State, connection, requests, times and the tracking id that both APIs' logs hold."""
    record = stage.record()
    text = monitor.text(PAGE)
    for words in (
        f"The job {State.FAILED.sentence}.",
        "Sandbox 4021 (4021)",
        "Failed attempts 1",
        "Requests 1 made, 1 settled",
        f"Tracking id {record.tracking_guid}",
        f"Last changed {record.changed_at:%Y-%m-%d %H:%M:%S} UTC",
        "Subscription job none",
    ):
        assert words in text


def test_a_failed_subscription_job_tells_that_the_schedule_tries_it_again(stage: Stage, monitor: Monitor) -> None:
    """Nobody need press Re-run for it."""
    stage.ledger.fail(claimed(stage.ledger, JOB.subscription), (), FAILURE)
    assert "tries it again every 60 minutes, for 7 days" in monitor.text("/activity/subscription/4021/150713")


def test_the_page_of_a_finished_job_tells_what_it_came_to(stage: Stage, monitor: Monitor) -> None:
    """The action, and the customer in Stamped.io; no error any more."""
    stage.ledger.complete(claimed(stage.ledger), (), "created", "143491")
    text = monitor.text(PAGE)
    assert "Outcome created" in text
    assert "Stamped.io id 143491" in text
    assert FAILURE.entry.resolution not in text


def test_the_page_tells_when_a_job_is_tried_again(stage: Stage, monitor: Monitor) -> None:
    """A waiting job has a due time, and the error for which it waits."""
    stage.ledger.defer(claimed(stage.ledger), (), 1200, FAILURE, carried=False)
    due = stage.record().due
    text = monitor.text(PAGE)
    assert f"Next try {due:%Y-%m-%d %H:%M:%S} UTC, in 19 min" in text
    assert FAILURE.entry.resolution in text


def test_the_history_shows_each_attempt_with_its_calls(stage: Stage, monitor: Monitor) -> None:
    """Newest first: when, how long, by which worker, what it came to, and each call's status and duration."""
    stage.ledger.complete(claimed(stage.ledger), (), "updated", "143491")
    history = monitor.text(PAGE).partition("History")[2]
    assert history.index("updated") < history.index("failed")
    newest, oldest = stage.ledger.events.life_of(JOB)
    for words in (
        f"{newest.began_at:%Y-%m-%d %H:%M:%S} UTC, {newest.ms / 1000:.3f} s No call was made. Asked for by trigger",
        f"{oldest.began_at:%Y-%m-%d %H:%M:%S} UTC, {oldest.ms / 1000:.3f} s",
        "iPaaS.com GET customers/v2/Customer/{id} 200 0.031 s",
        "Stamped.io POST a no answer 0.007 s",
        f"Worker {oldest.worker}",
    ):
        assert words in history


def test_a_job_without_an_attempt_says_so(stage: Stage, monitor: Monitor) -> None:
    """It waits for its turn, or is on its way."""
    stage.ledger.request(JOB.subscription)
    assert "No attempt has ended yet." in monitor.text("/activity/subscription/4021/150713")


@pytest.mark.parametrize("found", [Next.UNCHANGED, Next.KEPT])
def test_a_subscription_that_a_transfer_found_as_it_has_to_be_says_so(
    found: Next, stage: Stage, monitor: Monitor
) -> None:
    """It had no attempt, this time or ever; what happened to it before still shows."""
    path, words = "/activity/subscription/4021/150713", "no attempt was made."
    stage.ledger.complete(claimed(stage.ledger), CALLS, Action.UPDATED, "143491", found)
    settled = stage.record(JOB.subscription).changed_at
    history = monitor.text(path).partition("History")[2]
    assert history.startswith(f" {settled:%Y-%m-%d %H:%M:%S} UTC: its customer's transfer found the subscription as it")
    assert history.endswith(words)
    stage.ledger.complete(claimed(stage.ledger, JOB.subscription), CALLS, Action.UNCHANGED)
    assert words not in monitor.text(path)
    stage.ledger.complete(claimed(stage.ledger), CALLS, Action.UPDATED, "143491", found)
    history = monitor.text(path).partition("History")[2]
    assert history.index(words) < history.index("unchanged")


def test_the_page_leads_to_the_customers_other_job(stage: Stage, monitor: Monitor) -> None:
    """From the customer job to the subscription job, and back."""
    stage.ledger.request(JOB.subscription)
    assert 'href="/activity/subscription/4021/150713"' in monitor.get(PAGE).text
    assert f'href="{PAGE}"' in monitor.get("/activity/subscription/4021/150713").text
    assert "Customer job failed" in monitor.text("/activity/subscription/4021/150713")


def test_only_a_failed_job_can_be_discarded(stage: Stage, monitor: Monitor) -> None:
    """The page leads to the one that asks for a reason."""
    assert f'href="{PAGE}/discard"' in monitor.get(PAGE).text
    stage.ledger.request(JOB)
    assert "Discard" not in monitor.text(PAGE)


def test_the_page_looks_again_by_itself_until_the_job_has_ended(stage: Stage, monitor: Monitor) -> None:
    """Whoever pressed Re-run sees it done."""
    assert "data-live" not in monitor.get(PAGE).text
    stage.ledger.request(JOB)
    assert "data-live" in monitor.get(PAGE).text


def test_the_page_tells_that_its_connection_is_held(stage: Stage, monitor: Monitor) -> None:
    """So nobody wonders why the job does not begin."""
    stage.refuse(401)
    transferred(stage)
    assert "(4021) has been held since" in monitor.text(PAGE)


def test_a_connection_that_is_configured_no_more_does_not_hide_its_jobs(stage: Stage, monitor: Monitor) -> None:
    """What happened stays to be seen."""
    stage.ledger.request(replace(JOB, system_id=9))
    assert "not configured any more (9)" in monitor.text("/activity/customer/9/150713")


@pytest.mark.parametrize("path", ["/activity/customer/4021/7", "/activity/subscription/9/150713"])
def test_a_job_that_is_not_there_is_told(path: str, monitor: Monitor) -> None:
    """With why that may be, and what to do."""
    answer = monitor.get(path)
    assert answer.status_code == 404
    for words in ("The ledger holds no", "kept for 7 days, a failed one for 30", "Manual Sync"):
        assert words in text_of(answer.text)


@pytest.mark.parametrize(
    "path", ["/activity/order/4021/7", "/activity/customer/0/7", f"/activity/customer/4021/{'9' * 20}"]
)
def test_an_address_that_is_no_jobs_is_no_page(path: str, monitor: Monitor) -> None:
    """Flower's own answer."""
    assert monitor.get(path).status_code == 404


def test_the_page_names_whom_the_stamped_customer_is_shared_with(stage: Stage) -> None:
    """With a link to that customer's job: each overwrites what the other wrote."""
    stage.ledger.complete(claimed(stage.ledger), CALLS, Action.CREATED, "143491", shared_with="7")
    with serving() as monitor:
        page = monitor.get(PAGE).text
    assert "Shared with customer 7" in text_of(page)
    assert "each overwrites what the other wrote" in text_of(page)
    assert 'href="/activity/customer/4021/7"' in page
