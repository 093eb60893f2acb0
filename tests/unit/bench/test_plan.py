"""What the command line of `make bench` asks for."""

from __future__ import annotations

import pytest

from tests.bench.contestants import ALL, REFERENCE
from tests.bench.plan import MEASURES, plan


def test_everything_is_measured_without_arguments() -> None:
    """All contestants, all measures, and the page is written."""
    made = plan([])
    assert made.contestants == ALL
    assert made.measures == MEASURES
    assert made.is_written


def test_chosen_contestants_are_measured_beside_the_reference() -> None:
    """Updates, unless it is said otherwise; the page stays as it is."""
    made = plan(["--only", "ours,celery-threads", "--latency", "0", "--rounds", "2"])
    assert [each.name for each in made.contestants] == [REFERENCE.name, "ours", "celery-threads"]
    assert (made.latencies, made.rounds, made.measures) == ((0,), 2, ("updates",))
    assert not made.is_written


def test_quick_run_replaces_the_page_only_if_it_is_asked_to() -> None:
    """The page of a whole run says more; one that a quick run has written says so."""
    assert not plan(["--quick"]).is_written
    assert plan(["--quick", "--write"]).is_written
    assert plan(["--quick"]).words.startswith("A quick run of one round")


def test_misspelt_contestant_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The names that there are follow."""
    with pytest.raises(SystemExit):
        plan(["--only", "dramatic"])
    assert "dramatiq" in capsys.readouterr().err
