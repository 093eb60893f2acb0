"""The table of outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.cli.outcome import MISSING, Outcome
from worker.cli.summary import LINES_AT_MOST, Summary
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterable

DONE = Outcome(Job(Kind.CUSTOMER, 4021, "1"), "done", "created", "143491")


def failed(code: str, state: str = "failed") -> Outcome:
    """A job that is not done."""
    return Outcome(Job(Kind.CUSTOMER, 4021, "2"), state, failure=Failure(code))


def summary(outcomes: Iterable[Outcome]) -> Summary:
    """The summary of these customers."""
    counted = Summary()
    for outcome in outcomes:
        counted.add([outcome])
    return counted


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([DONE], 0),
        ([DONE, failed("email-missing")], 1),
        ([failed("stamped-unreachable", "waiting")], 1),
        ([Outcome(DONE.job, MISSING)], 1),
        ([failed("email-missing"), failed("ipaas-credentials-refused")], 2),
        ([failed("host-not-found", "waiting")], 2),
    ],
)
def test_exit_code_tells_whose_turn_it_is(outcomes: list[Outcome], code: int) -> None:
    """0 all done, 1 something is not, 2 the configuration is to blame."""
    assert summary(outcomes).exit_code == code


def test_each_error_is_shown_with_its_cause_and_resolution(capsys: pytest.CaptureFixture[str]) -> None:
    """The operator need not look an error up."""
    summary([DONE, failed("email-missing")]).show(Screen())
    shown = " ".join(capsys.readouterr().out.split())
    assert Failure("email-missing").entry.cause in shown
    assert Failure("email-missing").entry.resolution in shown


@pytest.mark.parametrize(("count", "lines"), [(LINES_AT_MOST, LINES_AT_MOST), (LINES_AT_MOST + 1, 0)])
def test_few_jobs_have_a_line_each(count: int, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Thousands of jobs are counted, not listed."""
    summary([DONE] * count).show(Screen())
    assert capsys.readouterr().out.count("Stamped.io 143491") == lines
