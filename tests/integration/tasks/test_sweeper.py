"""The sweeper that every worker has: one of them sweeps whenever it is due, by Redis' clock alone."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tasks import sweeper
from tests import parts
from tests.integration.stage import ID, Stage
from worker.jobs.catalogue import Failure
from worker.jobs.errors import LedgerUnavailable
from worker.jobs.job import Job, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS = [Job(Kind.CUSTOMER, parts.SYSTEM, ID)]


def due(stage: Stage) -> None:
    """A job whose retry is due."""
    stage.ledger.request(JOBS[0])
    stage.ledger.defer(stage.ledger.claim(JOBS[0]), (), 0, Failure("ipaas-unreachable"), carried=False)


def test_one_of_many_workers_sweeps(stage: Stage) -> None:
    """The others are told that it is not due."""
    due(stage)
    assert [sweeper.sweep_if_due() for _ in range(5)] == [True, False, False, False, False]
    assert stage.ledger.counts(Kind.CUSTOMER).waiting == 0


@pytest.mark.parametrize("ahead", [-3600, -30, 30, 3600])
def test_a_workers_clock_decides_nothing(stage: Stage, ahead: float) -> None:
    """A machine whose clock is wrong sweeps when Redis says so: no sweep is discarded, none comes too often."""
    clock = time.time
    stage.patch.setattr("time.time", lambda: clock() + ahead)
    due(stage)
    assert [sweeper.sweep_if_due(), sweeper.sweep_if_due()] == [True, False]
    assert stage.ledger.counts(Kind.CUSTOMER).waiting == 0


def test_sweeps_check_in_once_a_minute(stage: Stage) -> None:
    """Sentry counts in minutes, and limits how many it takes."""
    logged: list[tuple[str, float]] = []
    stage.patch.setattr("worker.telemetry.sentry.check_in", lambda *arguments: logged.append(arguments))
    for _ in range(3):
        stage.client.hdel("stamped-sync:done-at", sweeper.SWEEP)
        assert sweeper.sweep_if_due()
    assert logged == [("sweep", 60.0)]


@pytest.mark.parametrize("error", [LedgerUnavailable("gone"), RuntimeError("zoe@example.com")])
def test_sweeper_goes_on_after_an_error(stage: Stage, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    """Redis is away, or a fault of ours: the next sweep is tried all the same, and nothing personal is logged."""
    swept = threading.Event()
    met: list[Exception] = [error]

    def sweep() -> bool:
        if met:
            raise met.pop()
        swept.set()
        return True

    stage.patch.setattr("tasks.sweeper.sweep_if_due", sweep)
    run_until(stage, swept.is_set)
    assert swept.is_set()
    assert "zoe@example.com" not in caplog.text


def run_until(stage: Stage, condition: Callable[[], object]) -> None:
    """Let a sweeper run until a condition holds."""
    stage.patch.setattr("random.uniform", lambda *_: 0.001)
    stopping = threading.Event()
    thread = threading.Thread(target=sweeper.sweep_until, args=[stopping], daemon=True)
    thread.start()
    try:
        parts.eventually(condition)
    finally:
        stopping.set()
        thread.join()
