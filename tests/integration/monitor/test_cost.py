"""What a page, a scrape and `status` cost Redis: a handful of round trips, however many connections there are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.jobs import CALLS, FAILURE
from tests.integration.monitor_stage import Monitor, serving
from tests.integration.round_trips import RoundTrips
from worker.app import app
from worker.cli import status
from worker.jobs.job import Job, Kind
from worker.ledger import Ledger, StoreLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage

MOST = 12
SYSTEMS = range(5000, 5100)


@pytest.fixture
def trips(stage: Stage, redis_url: str) -> RoundTrips:
    """A hundred connections, each with jobs that wait, and one that has failed."""
    more = "\n".join(parts.connection(stage.url, system_id=system_id) for system_id in SYSTEMS)
    parts.write_connections(stage.folder, stage.url, more=more)
    stage.build(redis_url)
    trips = RoundTrips(redis_url)
    ledger = Ledger(trips.client, stores={system_id: StoreLimits(concurrent=1) for system_id in SYSTEMS})
    for system_id in SYSTEMS:
        jobs = [Job(Kind.CUSTOMER, system_id, str(number)) for number in range(1, 4)]
        ledger.request_all(jobs)
        ledger.fail(ledger.claim(jobs[0]), CALLS, FAILURE)
    stage.patch.setitem(app.__dict__, "runtime", replace(app.runtime, ledger=ledger))
    return trips


@pytest.fixture
def monitor(trips: RoundTrips) -> Iterator[Monitor]:
    """Flower, whose ledger counts its round trips."""
    assert trips.sent
    with serving() as monitor:
        yield monitor


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/activity",
        "/activity?state=queued",
        "/activity?code=customer-write-failed&since=2020-01-01",
        "/activity/counts",
        "/activity/customer/5000/1",
        "/error-logs",
        "/error-logs/customer/5000/customer-write-failed/rerun",
    ],
)
def test_page_costs_some_round_trips(monitor: Monitor, trips: RoundTrips, path: str) -> None:
    """Nobody who looks at it slows the workers down; the metrics do not even ask for a login."""
    assert monitor.get(path).status_code == 200
    assert trips.of(lambda: monitor.get(path)) <= MOST


def test_later_page_costs_some_round_trips(monitor: Monitor, trips: RoundTrips) -> None:
    """Behind a job of one of them."""
    following = monitor.get("/activity").text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert trips.of(lambda: monitor.text(f"/activity{following}")) <= MOST


def test_status_costs_some_round_trips(stage: Stage, trips: RoundTrips, capsys: pytest.CaptureFixture[str]) -> None:
    """With its table of a hundred throttles."""
    stage.patch.setenv("STAMPED_SYNC_CONNECTIONS", str(stage.folder / "connections.toml"))
    stage.patch.setattr(status, "open_ledger", lambda *_: Ledger(trips.client))
    assert trips.of(lambda: status.command.main(["--json"], standalone_mode=False)) <= MOST
    assert '"refusals_listed":0' in capsys.readouterr().out
