"""The proofs with real processes in short; `make prove` runs the long ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.proofs import backlog, chaos, fairness, front_door, kills, shutdown, survival, throttle, weather
from tests.proofs.processes import SERVERS

if TYPE_CHECKING:
    from pathlib import Path

SHORT = chaos.Plan(triggers=300, customers=60, troubles=8)
"""One trouble of each kind."""


@pytest.mark.parametrize("server", SERVERS)
def test_chaos_loses_doubles_and_forgets_nothing(tmp_path: Path, server: str) -> None:
    """Workers, beat and Redis are killed, stopped, frozen and cut off: both sides are the same at the end."""
    assert chaos.prove(tmp_path, server, SHORT).violations == []


@pytest.mark.parametrize("server", SERVERS)
def test_one_worker_beat_and_flower_outlive_what_redis_goes_through(tmp_path: Path, server: str) -> None:
    """They say why, wait, and finish every job, in the processes that were started."""
    assert survival.prove(tmp_path, server, seconds=1, each=20, meetings=survival.at_work()).violations == []


def test_processes_that_are_started_while_redis_is_in_trouble_wait_for_its_end(tmp_path: Path) -> None:
    """It is read-only, full, loading or away: they say so, and go on by themselves."""
    result = survival.prove(tmp_path, SERVERS[-1], seconds=1, each=20, meetings=survival.at_start())
    assert result.violations == []


def test_workers_that_are_all_killed_again_and_again_lose_and_double_nothing(tmp_path: Path) -> None:
    """Every worker is killed every two seconds during a load."""
    assert kills.prove(tmp_path, rounds=3, count=1_500, env=parts.QUICK).violations == []


BRIEF_HOLDS = {"STAMPED_SYNC_HOLD_FIRST_SECONDS": "1", "STAMPED_SYNC_HOLD_LONGEST_SECONDS": "2"}


def test_weather_fails_nobody(tmp_path: Path) -> None:
    """Web pages, redirects, cut and odd answers to everybody: what waited arrives once they are over."""
    assert weather.prove(tmp_path, seconds=2, env=parts.QUICK | BRIEF_HOLDS).violations == []


def test_throttle_holds_over_four_worker_processes(tmp_path: Path) -> None:
    """A server that counts sees no window with more calls than the limit."""
    assert throttle.prove(tmp_path, seconds=4, windows=2, least_used=0, most_in_a_tenth=1).violations == []


def test_backlog_of_another_store_lets_jobs_through(tmp_path: Path) -> None:
    """They are done while the other store's still wait."""
    delays = fairness.measure(tmp_path / "stores", [fairness.Trouble("many jobs", jobs=3_000)], triggers=20)
    assert len(delays.seconds) == 20
    assert all(delays.others_left)


def test_sweeper_sends_next_to_no_extra_messages_for_a_backlog(tmp_path: Path) -> None:
    """Throttled, held, without workers, and with a real worker under many sweeps."""
    assert backlog.prove(tmp_path, count=3_000, hour_seconds=300, real_sweeps=20).violations == []


def test_warm_stops_run_nothing_twice(tmp_path: Path) -> None:
    """Workers that are stopped under load finish their jobs and leave the others."""
    assert shutdown.prove(tmp_path, stops=2).violations == []


def test_front_doors_that_are_killed_again_and_again_lose_and_double_nothing(tmp_path: Path) -> None:
    """Every trigger that was answered with 202 is carried over, although Redis restarts, too."""
    plan = front_door.Plan(count=600, clients=20, restarts=1, kill_seconds=0.7)
    assert front_door.prove(tmp_path, plan).violations == []
