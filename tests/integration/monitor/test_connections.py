"""Connections: where each store stands, who needs attention first, and what a person can do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.html import text_of
from tests.integration.jobs import CALLS, FAILURE, JOB, OTHER, claimed
from tests.integration.monitor_stage import WRONG_LOGIN, Monitor, serving
from worker.app import app
from worker.jobs.asking import Source
from worker.jobs.catalogue import Failure
from worker.jobs.job import Action, Job, Kind
from worker.jobs.retries import Pause
from worker.ledger.memory.event import EventFilter
from worker.ledger.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage

HELD, WELL, GONE = 4022, 4021, 5000
STORE = re.compile(r'<tr id="connection-(\d+)">')
REASON = "the store moves, ask zoe@example.com"


@pytest.fixture
def monitor(stage: Stage, redis_url: str) -> Iterator[Monitor]:
    """Flower, with two connections."""
    named = parts.connection(stage.url, system_id=HELD).replace("Sandbox 4022", "<b>Acme & Co</b>")
    parts.write_connections(stage.folder, stage.url, more=named)
    stage.build(redis_url)
    with serving() as monitor:
        yield monitor


def hold(stage: Stage) -> None:
    """Hold one of them."""
    failure = Failure("stamped-credentials-refused", 401, "Invalid key")
    stage.ledger.hold_store(HELD, "stamped", failure, Pause(600, 600))


def rows(monitor: Monitor, query: str = "") -> list[int]:
    """The connections on the page, in their order."""
    return [int(each) for each in STORE.findall(monitor.get(f"/connections{query}").text)]


def row(monitor: Monitor, system_id: int) -> str:
    """What stands in one row."""
    _, _, text = monitor.get("/connections").text.partition(f'<tr id="connection-{system_id}">')
    return text_of(text.partition("</tr>")[0])


def outcomes(stage: Stage) -> list[tuple[str, str]]:
    """What people have done, and who, the newest first."""
    events = stage.ledger.events.page(EventFilter(source=Source.PERSON)).events
    return [(each.outcome, each.asker.user) for each in events]


def test_it_is_the_first_page(monitor: Monitor) -> None:
    """The address without a path leads there."""
    answer = monitor.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/connections")


def test_each_connection_has_a_row_that_tells_how_it_stands(stage: Stage, monitor: Monitor) -> None:
    """What ended in the last hour and day, what waits, the throttle, and the last success."""
    stage.ledger.complete(claimed(stage.ledger), CALLS, Action.UPDATED, "1")
    stage.ledger.fail(claimed(stage.ledger, OTHER), CALLS, FAILURE)
    stage.ledger.defer(claimed(stage.ledger, JOB), CALLS, 600, FAILURE, carried=False)
    text = row(monitor, WELL)
    for words in ("Sandbox 4021", "well", "1 finished, 1 failure", "Waiting 1", "of 500 in 60 s", "0 s ago", "Pause"):
        assert words in text, words
    assert "End hold" not in text
    page = monitor.get("/connections").text
    assert page.count('<svg class="bars" role="img"') == 4
    assert "<title>1 finished, 1 failure in the last hour</title>" in page
    assert "&lt;b&gt;Acme &amp; Co&lt;/b&gt;" in page
    assert "never" in row(monitor, HELD)


def test_who_needs_attention_comes_first(stage: Stage, monitor: Monitor) -> None:
    """And the page counts how many stand how."""
    assert rows(monitor) == [WELL, HELD]
    hold(stage)
    assert rows(monitor) == [HELD, WELL]
    assert "held Stamped.io refused the credentials: Invalid key; tried again in 9 min" in row(monitor, HELD)
    assert "1 held 0 paused 0 behind 0 throttled 0 drifted 1 well" in monitor.text("/connections")
    assert (rows(monitor, "?state=held"), rows(monitor, "?state=paused")) == ([HELD], [])
    assert (rows(monitor, "?name=acme"), rows(monitor, "?name=4021"), rows(monitor, "?name=none")) == (
        [HELD],
        [WELL],
        [],
    )


def test_jobs_of_a_connection_that_is_not_configured_have_a_row(stage: Stage, monitor: Monitor) -> None:
    """Nobody runs them."""
    stage.ledger.request(Job(Kind.CUSTOMER, GONE, "1"))
    assert rows(monitor)[0] == GONE
    assert "drifted 1 job of a connection that the file does not name" in row(monitor, GONE)


def test_processes_that_differ_are_told_of_once_and_not_in_each_row(stage: Stage, monitor: Monitor) -> None:
    """Nobody knows in which connection they differ, so no row says that it is the one."""
    processes = [Process(f"host/{each}", "worker", "1.0", fingerprint=each) for each in ("3f9a12", "77aa01")]
    stage.patch.setattr(app.reloader, "processes", processes)
    assert monitor.text("/connections").count("Configurations differ") == 1
    assert "0 drifted 2 well" in monitor.text("/connections")


def test_pause_and_resume(stage: Stage, monitor: Monitor) -> None:
    """With a reason, in which no address is kept; both are remembered with the user."""
    assert "Pause Sandbox 4021?" in monitor.text(f"/connections/{WELL}/pause")
    answer = monitor.submit(f"/connections/{WELL}/pause", "/pause", reason=REASON)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/connections#connection-{WELL}")
    text = row(monitor, WELL)
    assert "paused Connection is paused: by operator: the store moves, ask" in text
    assert "zoe@example.com" not in text
    assert "Resume" in text
    assert "Pause Sandbox" not in text
    assert "(4021) has been paused since" in monitor.text("/activity")
    assert monitor.submit("/connections", f"/{WELL}/resume").status_code == 303
    assert "well" in row(monitor, WELL)
    assert outcomes(stage) == [("resumed", "operator"), ("paused", "operator")]


def test_end_of_a_hold(stage: Stage, monitor: Monitor) -> None:
    """At once, and remembered."""
    hold(stage)
    assert monitor.submit("/connections", f"/{HELD}/release").status_code == 303
    assert stage.ledger.holds() == []
    assert outcomes(stage) == [("released", "operator")]


def test_what_is_so_already_is_not_remembered(stage: Stage, monitor: Monitor) -> None:
    """Two people may press the same button."""
    fields = monitor.token()
    for change in ("resume", "release"):
        answer = monitor.post(f"/connections/{WELL}/{change}", fields)
        assert answer.headers["Location"] == f"/connections?unchanged={WELL}#connection-{WELL}"
    assert "Sandbox 4021 (4021) was so already, so nothing was changed." in monitor.text(
        f"/connections?unchanged={WELL}"
    )
    for _ in range(2):
        assert monitor.post(f"/connections/{WELL}/pause", fields).status_code == 303
    assert outcomes(stage) == [("paused", "operator")]


def test_a_reason_that_is_too_long_changes_nothing(stage: Stage, monitor: Monitor) -> None:
    """The page says so."""
    answer = monitor.submit(f"/connections/{WELL}/pause", "/pause", reason="x" * 201)
    assert answer.status_code == 400
    assert "The reason has more than 200 characters. Nothing was changed." in text_of(answer.text)
    assert stage.ledger.holds() == []


@pytest.mark.parametrize("change", ["pause", "resume", "release"])
def test_a_connection_that_nobody_knows(monitor: Monitor, change: str) -> None:
    """Nor is one made by asking for it."""
    answer = monitor.post(f"/connections/{GONE}/{change}", monitor.token())
    assert (answer.status_code, "There is no connection 5000." in answer.text) == (404, True)
    assert rows(monitor) == [WELL, HELD]


@pytest.mark.parametrize("change", ["pause", "resume", "release"])
def test_no_other_site_can_change_a_connection(stage: Stage, monitor: Monitor, change: str) -> None:
    """Nor anybody without the login."""
    hold(stage)
    path = f"/connections/{HELD}/{change}"
    assert [answer.status_code for answer in monitor.forge(path, {})] == [403, 403, 403]
    assert monitor.post(path, monitor.token(), WRONG_LOGIN).status_code == 401
    assert [each.is_paused for each in stage.ledger.holds()] == [False]
    assert outcomes(stage) == []


def test_a_flower_without_a_login_offers_no_change(stage: Stage, redis_url: str) -> None:
    """It says why."""
    stage.build(redis_url)
    with serving(basic_auth=None) as monitor:
        text = monitor.get("/connections", None).text
        assert ">Pause" not in text
        assert "This Flower has no login" in text
