"""The four questions of an operator's day, in a browser, with a million events of a hundred connections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest
import redis
from selenium.webdriver.common.by import By

from tests import parts
from tests.acceptance.browser import BROWSERS, Browser, browser
from tests.acceptance.scene import Scene, scene
from tests.events_fill import fill_events
from worker.jobs.asking import Asker, Source
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind
from worker.jobs.retries import Pause
from worker.ledger import Ledger, connect
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS: Final = 1_000_000
STORES: Final = [parts.SYSTEM + number for number in range(100)]
HELD, PAUSED = STORES[40], STORES[70]
CUSTOMER: Final = "160713"
LIMIT: Final = Pause(3600, 3600, is_limit=True)
ANNA: Final = Asker(Source.PERSON, "anna")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A Redis of its own, as it holds much. One connection is held, one is paused, and a job was discarded."""
    with parts.valkey() as url, scene(url, tmp_path_factory.mktemp("questions"), Sandbox([])) as built:
        more = "".join(parts.connection(built.url, system_id=each) for each in STORES[1:])
        parts.write_connections(built.folder, built.url, more=more)
        with redis.Redis.from_url(url) as client:
            fill_events(client, EVENTS, STORES)
            ledger = Ledger(connect(url))
            ledger.hold_store(HELD, "stamped", Failure("stamped-calls-limited", 429), LIMIT)
            ledger.pause(PAUSED, ANNA, "the store moves")
            job = Job(Kind.CUSTOMER, STORES[3], "777")
            ledger.request(job)
            ledger.fail(ledger.claim(job), [], Failure("customer-write-failed", 422, "Name is too long"))
            ledger.discard_all([job], ANNA, "a test customer")
        yield built


@pytest.fixture(params=BROWSERS)
def page(request: pytest.FixtureRequest, monitor: str, stage: Scene) -> Iterator[Browser]:
    """A browser that has logged in and shows the first page."""
    with browser(request.param, monitor, stage.folder) as opened:
        opened.open("/")
        yield opened


def rows(page: Browser) -> list[str]:
    """What stands in each row of the table."""
    return [each.text for each in page.driver.find_elements(By.CSS_SELECTOR, "tbody tr")]


def test_which_stores_are_behind(page: Browser) -> None:
    """The first page shows them first, and a click shows no others."""
    page.read("Where each store stands")
    assert len(rows(page)) == len(STORES)
    first, second, *_ = rows(page)
    assert (str(HELD) in first, str(PAUSED) in second) == (True, True), (first, second)
    page.driver.find_element(By.CSS_SELECTOR, "a.count[href$='state=held']").click()
    page.read("Stamped.io limits")
    assert len(rows(page)) == 1
    page.picture("connections-held")


def test_what_happened_to_this_customer(page: Browser) -> None:
    """Activity, events, the id: its whole life, newest first."""
    page.press("Activity")
    page.press("Events")
    page.write("customer", CUSTOMER)
    page.press("Filter")
    parts.eventually(lambda: "customer=160713" in page.driver.current_url)
    found = rows(page)
    assert 1 <= len(found) <= EVENTS // 200_003 + 1
    assert all(CUSTOMER in row for row in found)
    times = [row.split()[0] for row in found]
    assert times == sorted(times, reverse=True)


def test_what_happened_between_two_times(page: Browser) -> None:
    """The hour of the day before yesterday, whatever else happened; the chart counts it."""
    until = datetime.now(UTC) - timedelta(days=2)
    since = until - timedelta(hours=1)
    page.open(f"/activity/events?since={since:%Y-%m-%dT%H:%M:%S}&until={until:%Y-%m-%dT%H:%M:%S}")
    found = rows(page)
    assert len(found) == 50
    assert all(f"{since:%Y-%m-%d %H}" in row or f"{until:%Y-%m-%d %H}" in row for row in found)
    assert "0 finished" not in page.driver.find_element(By.CLASS_NAME, "chart-title").text
    page.press("Older")
    parts.eventually(lambda: "begins=" in page.driver.current_url)
    assert set(rows(page)).isdisjoint(found)


def test_what_changed_since_yesterday(page: Browser) -> None:
    """What people did, with who and why, and what failed."""
    page.press("Activity")
    page.press("Events")
    page.press("Changed by people since yesterday")
    page.read("the store moves")
    found = rows(page)
    assert [word for row in found for word in ("discarded", "paused") if word in row] == ["discarded", "paused"]
    assert all("person by anna" in row for row in found)
    page.press("Failed since yesterday")
    parts.eventually(lambda: "outcome=failed" in page.driver.current_url)
    assert all("failed" in row for row in rows(page))


def test_new_rows_announce_themselves(page: Browser, stage: Scene) -> None:
    """And show when they are asked for."""
    page.open("/activity/events?source=person")
    before = len(rows(page))
    Ledger(connect(stage.env["STAMPED_SYNC_REDIS_URL"])).resume(PAUSED, ANNA)
    page.read("Show 1 new row")
    page.press("Show 1 new row")
    parts.eventually(lambda: len(rows(page)) == before + 1)
    Ledger(connect(stage.env["STAMPED_SYNC_REDIS_URL"])).pause(PAUSED, ANNA, "the store moves")
