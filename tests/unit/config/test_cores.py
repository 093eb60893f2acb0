"""The cores that workers keep to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from worker.config import cores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine of which the process may use four cores; the file with its container's quota."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 2, 3, 4}, raising=False)
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    return tmp_path / "cpu.max"


@pytest.mark.parametrize(("processes", "places"), [(4, [2, 3, 4, 5]), (6, [2, 3, 4, 5, 2, 3])])
def test_processes_that_fill_the_cores_keep_to_one_each(four: Path, processes: int, places: list[int]) -> None:
    """In turns, if there are more processes."""
    assert not four.exists()
    assert (cores.usable(), cores.places(processes)) == (4, places)


@pytest.mark.usefixtures("four")
def test_fewer_processes_run_where_they_like() -> None:
    """Or those of two programs would share a core while others have nothing to do."""
    assert cores.places(3) == [None] * 3


@pytest.mark.parametrize(
    ("quota", "usable"),
    [("max 100000", 4), ("100000 100000", 1), ("150000 100000", 2), ("10000 100000", 1), ("900000 100000", 4)],
)
def test_quota_of_a_container_counts(four: Path, quota: str, usable: int) -> None:
    """It may use a part of the cores' time only, and other containers the rest."""
    four.write_text(f"{quota}\n")
    assert cores.usable() == usable
    assert (cores.places(4) == [None] * 4) is (usable < 4)


@pytest.mark.parametrize("quota", ["", "nonsense", "1", "100000 0", "-1 100000"])
def test_quota_that_can_not_be_read_is_none(four: Path, quota: str) -> None:
    """All cores count."""
    four.write_text(quota)
    assert cores.usable() == 4


@pytest.mark.usefixtures("four")
def test_core_that_is_not_there_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """The worker runs all the same."""
    cores.keep_to(7)
    assert "STAMPED_SYNC_CORE=7 is none of the cores that this process may use: [2, 3, 4, 5]" in caplog.text


def test_system_without_such_a_thing_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Linux has it."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert (cores.cores(), cores.places(2)) == ([], [None, None])
    assert cores.usable() >= 1
