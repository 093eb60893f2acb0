"""What every page says of itself: product, user, log out; and the zone of its times, on Flower's own pages too."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.jobs import CALLS, FAILURE, JOB
from tests.integration.monitor_stage import Monitor, contents, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from tests.integration.stage import Stage

KATHMANDU = "Asia/Kathmandu"
AHEAD = timedelta(hours=5, minutes=45)
TASK = "6f0c2b6e-0000-4000-8000-000000000001"


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:
    """Flower, whose ledger remembers one event."""
    stage.ledger.request(JOB)
    stage.ledger.fail(stage.ledger.claim(JOB), CALLS, FAILURE)
    with serving() as served:
        yield served


def choose(monitor: Monitor, name: str, back: str = "") -> requests.Response:
    """Choose a zone, as somebody does who came from a page."""
    return monitor.submit("/time-zone", "/time-zone", name=name, back=back)


def shows(monitor: Monitor, query: str) -> bool:
    """Whether Activity shows the event."""
    return JOB.customer_id in monitor.text(f"/activity/events{query}").partition("When (")[2]


def test_times_are_shown_in_the_zone_that_the_browser_keeps(stage: Stage, monitor: Monitor) -> None:
    """On every page, with its name; a filter's times are meant so, too."""
    answer = choose(monitor, KATHMANDU, "/activity/events?outcome=failed&source=re-run")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/activity/events?outcome=failed&source=re-run")
    [event, *_] = stage.ledger.events.life_of(JOB)
    there = event.ended_at + AHEAD
    assert f"{there:%Y-%m-%d %H:%M:%S}" in monitor.text("/activity/events")
    assert f"When ({KATHMANDU})" in monitor.text("/activity/events")
    assert shows(monitor, f"?until={there + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}")
    assert not shows(monitor, f"?since={there + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}")
    assert f"{there:%Y-%m-%d %H:%M}" in monitor.text("/activity/customer/4021/150713")


def test_flowers_own_pages_show_times_in_that_zone(monitor: Monitor) -> None:
    """Its list of tasks, whose script is told the zone, and a task's page, which says it."""
    monitor.see("task-received", uuid=TASK, name="stamped.sweep", args="()", kwargs="{}", timestamp=1_800_000_000.5)
    assert "2027-01-15 08:00:00.500 UTC" in monitor.text(f"/task/{TASK}")
    choose(monitor, KATHMANDU)
    assert "2027-01-15 13:45:00.500 Asia/Kathmandu" in monitor.text(f"/task/{TASK}")
    assert f'value="time-{KATHMANDU}"' in monitor.get("/tasks").text
    assert f"Received ({KATHMANDU})" in monitor.text("/tasks")


def test_tasks_that_are_shown_by_their_age_need_no_zone(stage: Stage) -> None:
    """Flower's option `natural_time`."""
    del stage
    with serving(natural_time=True) as monitor:
        choose(monitor, KATHMANDU)
        assert f'value="natural-time-{KATHMANDU}"' in monitor.get("/tasks").text
        assert "Received (" not in monitor.text("/tasks")


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\nb"])
def test_the_choice_leads_to_no_other_site(monitor: Monitor, back: str) -> None:
    """Whatever the form says."""
    assert choose(monitor, "UTC", back).headers["Location"] == "/connections"


@pytest.mark.parametrize("name", ["", "Nowhere/Land", "../../etc/passwd", "UTC;", "x" * 500])
def test_a_zone_that_is_none_is_refused(monitor: Monitor, name: str) -> None:
    """In words."""
    answer = choose(monitor, name)
    assert (answer.status_code, "There is no time zone of this name" in answer.text) == (400, True)


def test_no_address_and_no_other_site_chooses_a_zone(monitor: Monitor) -> None:
    """Only the page's own form does."""
    assert "Times on these pages are shown in" in monitor.text(f"/time-zone?name={KATHMANDU}")
    assert [answer.status_code for answer in monitor.forge("/time-zone", {"name": KATHMANDU})] == [403, 403, 403]
    assert "When (UTC)" in monitor.text("/activity/events")


@pytest.mark.parametrize("options", [{"login": None}, {"read_only": True}], ids=["no login", "read-only"])
def test_a_flower_that_refuses_changes_lets_its_viewers_choose(
    stage: Stage, redis_url: str, options: dict[str, None]
) -> None:
    """The choice changes nothing but the browser."""
    del stage
    with serving(**options) as monitor:
        before = contents(redis_url)
        assert choose(monitor, KATHMANDU).status_code == 303
        assert contents(redis_url) == before
        assert f"From ({KATHMANDU})" in monitor.text("/activity/events")


@pytest.mark.parametrize("kept", ["Nowhere/Land", "....etc.passwd", ".", "x" * 500])
def test_a_cookie_that_names_no_zone_means_utc(monitor: Monitor, kept: str) -> None:
    """It can be anything."""
    monitor.keep("stamped_zone", kept)
    assert "When (UTC)" in monitor.text("/activity/events")


def test_every_page_names_the_product_and_who_is_logged_in(monitor: Monitor) -> None:
    """Flower's own, too."""
    for path in ("/connections", "/tasks", "/activity/events"):
        text = monitor.text(path)
        for words in ("Stamped sync", "production", "UTC", "operator", "Log out"):
            assert words in text


def test_log_out_refuses_the_login(monitor: Monitor) -> None:
    """So that the browser forgets it."""
    answer = monitor.get("/log-out")
    assert (answer.status_code, "Basic" in answer.headers["WWW-Authenticate"]) == (401, True)
    assert "You are logged out" in answer.text
