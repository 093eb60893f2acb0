"""How `status` shows the catch-ups of few and of many connections."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from worker.cli import catch_ups
from worker.jobs.progress import Progress, Selection
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    import pytest

    from worker.cli.catch_ups import CatchUp

AT = datetime(2026, 11, 27, tzinfo=UTC)


def catch_up(system_id: int, state: str) -> CatchUp:
    """One connection's."""
    if state in {catch_ups.OFF, catch_ups.NOT_BEGUN}:
        return system_id, state, None
    ended = AT if state == catch_ups.ENDED else None
    return system_id, state, Progress(system_id, Selection.CATCH_UP, "1", requested=5, started_at=AT, ended_at=ended)


STATES = [catch_ups.UNDER_WAY, catch_ups.ENDED, catch_ups.NOT_BEGUN, catch_ups.OFF]


def test_few_have_a_row_each_unless_theirs_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are off are counted."""
    catch_ups.show(Screen(), [catch_up(number, state) for number, state in enumerate(STATES, start=1)], 4)
    heading, *rows, last = capsys.readouterr().out.splitlines()
    assert heading.split() == ["Catch-up", "state", "customers", "requested"]
    assert [row.split()[:2] for row in rows] == [["1", "under"], ["2", "ended"], ["3", "not"]]
    assert last == "Catch-up is off for 1 connection"


def test_of_many_those_have_a_row_that_catch_up_now(capsys: pytest.CaptureFixture[str]) -> None:
    """The others are counted, or a thousand lines would hide what matters."""
    catch_ups.show(Screen(), [catch_up(number, STATES[number % 4]) for number in range(2000)], 1999)
    *rows, not_begun, ended, off = capsys.readouterr().out.splitlines()
    assert len(rows) == 501
    assert not_begun == "Catch-up has not yet begun for 500 connections"
    assert ended == "Catch-up has ended for 500 connections"
    assert off == "Catch-up is off for 500 connections"
