"""Activity's events: what happened between two times, to whom, and who asked for it."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.jobs import CALLS, FAILURE, JOB, OTHER
from tests.integration.monitor_stage import Monitor, serving
from worker.jobs.asking import Asker, Source
from worker.jobs.job import Action, Next
from worker.ledger.memory.event import PAUSED, Change
from worker.monitor.page import EXPORTED_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage
    from worker.ledger import Ledger

ANNA = Asker(Source.RERUN, "anna")
TRACKING = "6f0c2b6e-0000-4000-8000-0000000000aa"
ROW = re.compile(r'<td class="event-when">')
NEXT = re.compile(r'rel="next" href="([^"]+)"')
NEWS = re.compile(r'data-news="([^"]+)"')


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:
    """Flower, whose ledger remembers four events, the newest a person's."""
    ledger = stage.ledger
    ledger.request(JOB, tracking_guid=TRACKING)
    ledger.complete(ledger.claim(JOB), CALLS, Action.CREATED, "143491", Next.SUBSCRIPTION)
    ledger.complete(ledger.claim(JOB.subscription), CALLS, Action.SUBSCRIBED)
    ledger.request(OTHER, ANNA)
    ledger.fail(ledger.claim(OTHER), CALLS, FAILURE)
    ledger.events.note(Change(PAUSED, Asker(Source.PERSON, "anna"), JOB.system_id, note="=1+1"))
    with serving() as served:
        yield served


def count(monitor: Monitor, query: str) -> int:
    """How many events a page shows."""
    return len(ROW.findall(monitor.get(f"/activity/events{query}").text))


def test_each_event_tells_what_happened_to_whom_and_who_asked(monitor: Monitor) -> None:
    """The newest first."""
    text = monitor.text("/activity/events").partition("When (UTC)")[2]
    assert text.index("paused") < text.index("failed") < text.index("subscribed") < text.index("created")
    for words in ("150713 customer created More Stamped.io id 143491", f"Tracking id {TRACKING}"):
        assert words in text
    assert "150714 customer failed" in text
    assert "re-run by anna" in text
    assert "paused =1+1 person by anna" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?customer=150713", 2),
        ("?customer=150714&outcome=failed", 1),
        ("?source=re-run", 1),
        ("?source=person", 1),
        ("?outcome=subscribed", 1),
        ("?code=customer-write-failed", 1),
        ("?code=email-missing", 0),
        ("?stamped=143491", 2),
        (f"?tracking={TRACKING}", 2),
        ("?system=4021", 4),
        ("?system=4022", 0),
        ("?since=2020-01-01T00:00&until=2021-01-01T00:00", 0),
        ("?since=2020-01-01T00:00", 4),
    ],
)
def test_each_filter_shows_what_it_means(monitor: Monitor, query: str, expected: int) -> None:
    """One alone, and several together."""
    assert count(monitor, query) == expected


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("?customer=x", "customer id: x is not a whole number"),
        ("?customer=0150713", "customer id: 0150713 is not a whole number"),
        ("?system=-1", "connection: -1 is not a whole number"),
        ("?source=nobody", "source: nobody is not one of trigger, manual-sync"),
        ("?outcome=x", "outcome: x is not one of created"),
        ("?since=soon", "from: soon is not a time such as 2026-01-31T08:30"),
        ("?until=<b>", "to: <b> is not a time"),
        ("?until=0001-01-01T00:00", "to: 0001-01-01T00:00 is not a time"),
        ("?since=9999-12-31T23:59:59", "from: 9999-12-31T23:59:59 is not a time"),
    ],
)
def test_what_cannot_be_read_is_said_and_left_out(monitor: Monitor, query: str, fault: str) -> None:
    """All else shows."""
    assert f"Ignored in the address: {fault}" in monitor.text(f"/activity/events{query}")
    assert count(monitor, query) == 4


def test_pages_lead_to_all_of_them(stage: Stage, monitor: Monitor) -> None:
    """From the newest to the oldest."""
    run_many(stage.ledger, 120)
    shown, path = 0, "/activity/events"
    while path:
        text = monitor.get(path).text
        shown += len(ROW.findall(text))
        following = NEXT.search(text)
        path = f"/activity/events{following[1].replace('&amp;', '&')}" if following else ""
    assert shown == 124


def run_many(ledger: Ledger, times: int) -> None:
    """Run a job again and again."""
    for _ in range(times):
        ledger.request(OTHER)
        ledger.fail(ledger.claim(OTHER), [], FAILURE)


def test_older_pages_announce_nothing(stage: Stage, monitor: Monitor) -> None:
    """What is newer than they are is on the first page."""
    run_many(stage.ledger, 60)
    following = NEXT.search(monitor.get("/activity/events").text)
    assert following
    older = monitor.get("/activity/events" + following[1].replace("&amp;", "&")).text
    assert NEWS.search(older) is None
    assert len(ROW.findall(older)) == 14


def test_a_table_to_download(stage: Stage, monitor: Monitor) -> None:
    """Everything that fits, with what a spreadsheet would take for a formula as text."""
    answer = monitor.get("/activity/events.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    paused, failed, subscribed, created = csv.DictReader(io.StringIO(answer.text))
    assert (paused["note"], paused["user"], paused["outcome"]) == ("'=1+1", "anna", "paused")
    assert (failed["code"], failed["source"], subscribed["kind"]) == ("customer-write-failed", "re-run", "subscription")
    assert (created["customer_id"], created["stamped_id"], created["tracking_id"]) == ("150713", "143491", TRACKING)
    assert len(monitor.get("/activity/events.csv?outcome=failed").text.splitlines()) == 2
    assert len(monitor.get("/activity/events.csv?outcome=lost").text.splitlines()) == 1
    assert monitor.get("/activity/events.csv?outcome=x").status_code == 400
    run_many(stage.ledger, EXPORTED_AT_ONCE + 10)
    assert len(monitor.get("/activity/events.csv").text.splitlines()) == EXPORTED_AT_ONCE + 10 + 4 + 1


def test_new_rows_announce_themselves(stage: Stage, monitor: Monitor) -> None:
    """Those that fit the filter, and none that are shown already."""
    found = NEWS.search(monitor.get("/activity/events?outcome=failed").text)
    assert found
    path = found[1].replace("&amp;", "&")
    assert monitor.get(path).json() == {"count": 0, "most": 100}
    stage.ledger.request(JOB)
    stage.ledger.complete(stage.ledger.claim(JOB), CALLS, Action.UPDATED, "143491")
    run_many(stage.ledger, 2)
    assert monitor.get(path).json()["count"] == 2
    for after in ("x", "9999-12-31T23:59:59.999999", "0001-01-01"):
        assert monitor.get(f"/activity/events/news?after={after}").json()["count"] == 0
        assert monitor.get(f"/activity/news?after={after}").json()["count"] == 0


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "2 finished, 1 failure"),
        ("?system=4021", "2 finished, 1 failure"),
        ("?system=4022", "0 finished, 0 failures"),
        ("?until=2026-01-31T08:00", "0 finished, 0 failures"),
        ("?since=2000-01-01T00:00", "2 finished, 1 failure"),
        ("?since=2100-01-01T00:00", "has not begun yet, so there is no chart"),
        (f"?since={datetime.now(UTC) - timedelta(days=3):%Y-%m-%dT%H:%M}", "2 finished, 1 failure"),
    ],
    ids=["day", "connection", "another", "before", "long", "not yet", "days"],
)
def test_the_chart_counts_the_ended_jobs_of_the_time(monitor: Monitor, query: str, words: str) -> None:
    """Of the last day if no time is chosen."""
    assert words in monitor.text(f"/activity/events{query}")


def test_a_job_that_is_gone_leads_to_what_happened_to_it(stage: Stage, monitor: Monitor) -> None:
    """Its page has nothing else to show."""
    stage.ledger.discard_all([OTHER], ANNA, "a test")
    answer = monitor.get("/activity/customer/4021/150714")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/activity/events?customer=150714&system=4021")
    text = monitor.text(answer.headers["Location"]).partition("When (UTC)")[2]
    assert text.index("discarded") < text.index("a test") < text.index("re-run by anna Sandbox")
