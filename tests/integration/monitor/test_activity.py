"""Activity: the list of jobs, its filters, its pages and its counts."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.integration.jobs import FAILURE, JOB, OTHER, claimed
from tests.integration.monitor_stage import Monitor, serving
from tests.integration.stage import transferred
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind, State
from worker.ledger import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.integration.stage import Stage

ELSEWHERE = replace(JOB, system_id=4022)
NEXT = re.compile(r'rel="next" href="([^"]+)"')


@pytest.fixture
def monitor(stage: Stage, redis_url: str) -> Iterator[Monitor]:
    """Flower, with two connections; the second one's name looks like a page's own words."""
    named = parts.connection(stage.url, system_id=4022).replace("Sandbox 4022", "<b>Acme & Co</b>")
    parts.write_connections(stage.folder, stage.url, more=named)
    stage.build(redis_url)
    with serving() as monitor:
        yield monitor


@pytest.fixture
def _jobs(stage: Stage, monitor: Monitor) -> None:  # noqa: ARG001 - both connections must be there
    """One job of each sort: customer done, subscription failed, another customer failed, one on its way elsewhere."""
    ledger = stage.ledger
    ledger.complete(claimed(ledger), (), "created", "143491")
    ledger.fail(claimed(ledger, JOB.subscription), (), Failure("subscription-failed", 500))
    ledger.fail(claimed(ledger, OTHER), (), FAILURE)
    ledger.request(ELSEWHERE)


@dataclass(frozen=True)
class Listed:
    """What a page of the list shows."""

    jobs: list[str]
    following: str


def listed(monitor: Monitor, path: str = "/activity") -> Listed:
    """A page of the list: its jobs by the addresses that they link to, and the next page's address."""
    answer = monitor.get(path)
    assert answer.status_code == 200, answer.text
    following = NEXT.search(answer.text)
    return Listed(
        re.findall(r'href="/activity/(\w+/\d+/\d+)"', answer.text),
        "/activity" + following.group(1).replace("&amp;", "&") if following else "",
    )


def every_page(monitor: Monitor, path: str) -> list[str]:
    """The jobs of all pages."""
    found: list[str] = []
    while path:
        page = listed(monitor, path)
        found, path = found + page.jobs, page.following
    return found


def counts(monitor: Monitor, query: str = "") -> dict[str, int]:
    """The counts that the page refreshes itself with, those that are not 0."""
    answered: dict[str, Any] = monitor.get(f"/activity/counts{query}").json()
    return {state: count for state, count in answered.items() if count}


@pytest.mark.usefixtures("_jobs")
def test_the_newest_job_comes_first(stage: Stage, monitor: Monitor) -> None:
    """What happened last is most likely what somebody looks for."""
    stage.ledger.request(OTHER)
    assert listed(monitor).jobs[0] == "customer/4021/150714"
    assert len(listed(monitor).jobs) == 4


@pytest.mark.usefixtures("_jobs")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=done", ["customer/4021/150713"]),
        ("state=failed&kind=customer", ["customer/4021/150714"]),
        ("kind=subscription", ["subscription/4021/150713"]),
        ("system=4022", ["customer/4022/150713"]),
        ("code=subscription-failed", ["subscription/4021/150713"]),
        ("code=subscription-failed&state=done", []),
        ("code=subscription-failed&system=4022", []),
        ("customer=150714", ["customer/4021/150714"]),
        ("customer=150713&state=done", ["customer/4021/150713"]),
        ("customer=150713&code=subscription-failed", ["subscription/4021/150713"]),
        ("customer=99", []),
        ("until=2020-01-01", []),
        ("since=2100-01-01T08:30", []),
        ("customer=150714&until=2020-01-01", []),
    ],
)
def test_a_filter_is_in_the_address(query: str, found: list[str], monitor: Monitor) -> None:
    """So a link to what somebody sees can be shared."""
    assert listed(monitor, f"/activity?{query}").jobs == found


@pytest.mark.usefixtures("_jobs")
def test_a_filter_by_time_takes_what_changed_meanwhile(monitor: Monitor) -> None:
    """Both ends, without a zone in UTC, with one in that."""
    now = datetime.now(UTC)
    since, until = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S}" for hours in (-1, 1))
    assert len(listed(monitor, f"/activity?since={since}&until={until}").jobs) == 4
    assert listed(monitor, f"/activity?since={since}-05:00").jobs == []


def test_the_form_shows_the_filter(monitor: Monitor) -> None:
    """And sends it again with what somebody changes in it."""
    (form,) = monitor.forms("/activity?state=failed&system=4021&code=email-missing&since=2026-01-31T08:30")
    filled = {name: value for name, value in form.fields.items() if value}
    assert filled == {"state": "failed", "system": "4021", "code": "email-missing", "since": "2026-01-31T08:30"}
    assert form.method == "get"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=lost", "state: lost is not one of queued, sent"),
        ("kind=order", "kind: order is not one of customer, subscription"),
        ("system=acme", "connection: acme is not a whole number"),
        ("customer=1e9", "customer id: 1e9 is not a whole number"),
        ("customer=%C2%B2", "customer id: ² is not a whole number"),
        ("since=yesterday", "from: yesterday is not a time such as 2026-01-31T08:30"),
        ("until=soon", "to: soon is not a time"),
    ],
)
@pytest.mark.usefixtures("_jobs")
def test_what_cannot_be_read_is_left_out_and_said(query: str, words: str, monitor: Monitor) -> None:
    """Whoever mistypes an address sees why, and still sees jobs."""
    assert f"Ignored in the address: {words}" in monitor.text(f"/activity?{query}")
    assert len(listed(monitor, f"/activity?{query}").jobs) == 4


@pytest.mark.usefixtures("_jobs")
@pytest.mark.parametrize("begins", ["x", "1-order-4021:1", "²-customer-4021:1", "9" * 400 + "-customer-4021:1", "--"])
def test_a_place_that_cannot_be_read_is_the_first_page(begins: str, monitor: Monitor) -> None:
    """A link that was cut off still shows something."""
    assert len(listed(monitor, f"/activity?begins={begins}").jobs) == 4


def test_the_pages_show_each_job_once(stage: Stage, monitor: Monitor) -> None:
    """Also those of two connections and kinds that came in the very same moment."""
    asked = [Job(kind, system, str(number)) for kind in Kind for system in (4021, 4022) for number in range(1, 36)]
    stage.ledger.request_all(asked)
    for path in ("/activity", "/activity?state=queued"):
        found = every_page(monitor, path)
        stage.ledger.admit(4021)
        assert sorted(found) == sorted(set(found)), path
    assert len(every_page(monitor, "/activity")) == 140


def test_a_page_of_jobs_that_share_their_place_is_followed_by_the_next_of_them(stage: Stage, monitor: Monitor) -> None:
    """Debug jobs all wait at the very front of the queue."""
    stage.ledger.request_all([replace(JOB, customer_id=str(number)) for number in range(1, 121)], debug=True)
    asked = {f"customer/4021/{number}" for number in range(1, 121)}
    found = every_page(monitor, "/activity?state=queued") + every_page(monitor, "/activity?state=sent")
    assert sorted(found) == sorted(asked)


def test_a_page_holds_while_jobs_come(stage: Stage, monitor: Monitor) -> None:
    """The next page goes on behind the last job that was seen, whatever came since."""
    stage.ledger.request_all([replace(JOB, customer_id=str(number)) for number in range(1, 61)])
    first = listed(monitor)
    stage.ledger.request_all([replace(JOB, customer_id=str(number)) for number in range(1001, 1061)])
    assert len(first.jobs) == 50
    assert set(listed(monitor, first.following).jobs) == {f"customer/4021/{n}" for n in range(1, 61)} - set(first.jobs)


def test_a_page_keeps_its_filter_on_the_next(stage: Stage, monitor: Monitor) -> None:
    """And a link leads back to the newest jobs."""
    stage.ledger.request_all([replace(JOB, customer_id=str(number)) for number in range(1, 61)])
    following = listed(monitor, "/activity?system=4021").following
    assert "system=4021" in following
    assert "Newest" in monitor.text(following)


def test_a_page_reads_no_more_than_it_shows(stage: Stage, monitor: Monitor, client: redis.Redis) -> None:
    """However many jobs there are."""
    stage.ledger.request_all([replace(JOB, customer_id=str(number)) for number in range(1, 1001)])
    monitor.get("/activity")
    client.config_resetstat()
    listed(monitor)
    read: Any = client.info("commandstats")
    assert read["cmdstat_hgetall"]["calls"] <= 50 + 3  # the jobs, each connection's hold, and the counts


@pytest.mark.usefixtures("_jobs")
def test_the_counts_are_by_state(monitor: Monitor) -> None:
    """Of all kinds and connections, as the page shows them and as it refreshes them."""
    assert counts(monitor) == {"done": 1, "failed": 2, "sent": 1}
    assert "0 queued 1 sent 0 running 0 waiting 1 done 2 failed" in monitor.text("/activity")


@pytest.mark.usefixtures("_jobs")
def test_the_counts_follow_the_connection_and_the_kind(monitor: Monitor) -> None:
    """Whoever looks at one connection wants that one's."""
    assert counts(monitor, "?system=4021&kind=customer&state=done") == {"done": 1, "failed": 1}


@pytest.mark.usefixtures("_jobs")
@pytest.mark.parametrize(
    ("query", "words"),
    [("", "4 jobs."), ("?state=failed", "2 jobs fit the filter."), ("?customer=150714", "1 job fits the filter.")],
)
def test_the_page_says_how_many_jobs_fit(query: str, words: str, monitor: Monitor) -> None:
    """On all pages together."""
    assert words in monitor.text(f"/activity{query}")


@pytest.mark.parametrize("state", State)
def test_each_state_is_explained(state: State, monitor: Monitor) -> None:
    """By its own sentence: on its count, and once more while the list is filtered by it."""
    page = unescape(monitor.get(f"/activity?state={state}").text)
    assert page.count(f'title="The job {state.sentence}"') == 1
    assert page.count(f"{state.capitalize()}: the job {state.sentence}.") == 1


def test_a_time_that_means_something_else_is_explained(monitor: Monitor) -> None:
    """A waiting job is listed by its next try."""
    words = "From and To mean the time when it is tried again"
    assert words in monitor.text("/activity?state=waiting&since=2026-01-01")
    assert words not in monitor.text("/activity?state=done&since=2026-01-01")


@pytest.mark.parametrize(
    ("query", "words"),
    [("", "No job yet."), ("?state=failed", "No job fits this filter."), ("?customer=9", "No job fits")],
)
def test_an_empty_list_says_so(query: str, words: str, monitor: Monitor) -> None:
    """Whether there is nothing at all, or nothing that fits."""
    assert words in monitor.text(f"/activity{query}")


@pytest.mark.usefixtures("_jobs")
def test_a_failed_job_shows_why(monitor: Monitor) -> None:
    """By the catalogue's title and code."""
    assert "Customer create or update failed customer-write-failed" in monitor.text("/activity?customer=150714")


def test_a_held_connection_is_told_on_top(stage: Stage, monitor: Monitor) -> None:
    """Since when, until when, why and what to do."""
    stage.refuse(401)
    transferred(stage)
    text = monitor.text("/activity")
    assert text.index("(4021) has been held since") < text.index("queued")
    (hold,) = stage.ledger.holds()
    entry = hold.failure.entry
    for words in ("HTTP 401", entry.title, entry.cause, entry.resolution.replace("`", "")):
        assert words in text
    assert "<code>stamped-sync check</code>" in monitor.get("/activity").text


def test_jobs_that_vanished_are_told_on_top(client: redis.Redis, monitor: Monitor) -> None:
    """How many, of which connection, and what to do; nothing while there are none."""
    assert "vanished" not in monitor.text("/activity")
    client.hset("stamped-sync:totals", "born|customer|4022", 8)
    text = monitor.text("/activity")
    assert text.index("8 jobs of connection 4022 vanished from Redis") < text.index("queued")
    assert "maxmemory-policy to noeviction" in text


def test_refused_notifications_are_told_with_how_many_are_listed(
    stage: Stage, client: redis.Redis, monitor: Monitor
) -> None:
    """And where; nothing while there are none."""
    assert "Refused notifications" not in monitor.text("/activity")
    stage.ledger.refuse(Refusal("scope-unsupported", "", "6f0c", 1, "4021", "customer/deleted", "150713"))
    client.hset("stamped-sync:totals", "refused|scope-unsupported", 1000)
    assert "1,000, of which 1 is listed." in monitor.text("/activity")
    assert 'href="/error-logs#refused"' in monitor.get("/activity").text
    assert "There were 1,000 in all; 1 is kept and counted here." in monitor.text("/error-logs")


@pytest.mark.usefixtures("_jobs")
def test_nothing_that_is_given_becomes_part_of_the_page(monitor: Monitor) -> None:
    """Neither an address nor a name in the configuration can bring a script in."""
    evil = '"><script>alert(1)</script>'
    page = monitor.get(f"/activity?code={evil}&state={evil}&since={evil}&begins={evil}").text
    assert "<script>alert" not in page
    assert "<b>Acme" not in page
    assert "&lt;b&gt;Acme &amp; Co&lt;/b&gt;" in page


@pytest.mark.usefixtures("_jobs")
def test_new_rows_announce_themselves(stage: Stage, monitor: Monitor) -> None:
    """Those that fit the filter; a list in another order has none."""
    [path] = re.findall(r'data-news="([^"]+)"', monitor.get("/activity?state=failed").text)
    path = unescape(path)
    assert monitor.get(path).json() == {"count": 0, "most": 100}
    third = replace(JOB, customer_id="150715")
    stage.ledger.complete(claimed(stage.ledger), (), "updated", "143491")
    stage.ledger.fail(claimed(stage.ledger, third), (), FAILURE)
    assert monitor.get(path).json()["count"] == 1
    assert "data-news" not in monitor.get("/activity?state=queued").text
    assert monitor.get("/activity/news?after=x").json()["count"] == 0


@pytest.mark.usefixtures("_jobs")
@pytest.mark.parametrize("query", ["", "&state=failed", "&kind=customer"])
@pytest.mark.parametrize("customer_id", ["150714", "150799"], ids=["listed", "empty"])
def test_new_rows_of_one_customer_announce_themselves(
    customer_id: str, query: str, stage: Stage, monitor: Monitor
) -> None:
    """Also if there was none before; another customer's are no news."""
    [path] = re.findall(r'data-news="([^"]+)"', monitor.get(f"/activity?customer={customer_id}{query}").text)
    path = unescape(path)
    assert monitor.get(path).json()["count"] == 0
    stage.ledger.complete(claimed(stage.ledger), (), "updated", "143491")
    assert monitor.get(path).json()["count"] == 0
    job = replace(JOB, customer_id=customer_id)
    stage.ledger.request(job)
    stage.ledger.fail(claimed(stage.ledger, job), (), FAILURE)
    assert monitor.get(path).json()["count"] == 1


@pytest.mark.usefixtures("_jobs")
def test_each_word_is_explained_where_it_is_shown(monitor: Monitor) -> None:
    """Every state, with what it means."""
    text = monitor.text("/activity")
    assert "sent The job is on its way to a worker." in text
    assert "waiting The job waits to be tried again." in text


@pytest.mark.usefixtures("_jobs")
def test_a_table_to_download(stage: Stage, monitor: Monitor) -> None:
    """The jobs that fit the filter, with what went wrong; no cell begins as a formula does."""
    third = replace(JOB, customer_id="150715")
    stage.ledger.fail(claimed(stage.ledger, third), (), replace(FAILURE, detail="=1+1"))
    rows = list(csv.DictReader(io.StringIO(monitor.get("/activity/jobs.csv?state=failed&kind=customer").text)))
    assert [(row["customer_id"], row["message"]) for row in rows] == [("150715", "'=1+1"), ("150714", "rejected")]
    assert rows[0]["code"] == FAILURE.code
    assert len(monitor.get("/activity/jobs.csv").text.splitlines()) == 6
    assert len(monitor.get("/activity/jobs.csv?system=9").text.splitlines()) == 1
