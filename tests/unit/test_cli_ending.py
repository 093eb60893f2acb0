"""How a command ends."""

from __future__ import annotations

import click
import pytest

from worker.cli.ending import ended, jobs_go_on


def interrupted() -> int:
    """A command during which somebody presses Ctrl-C, as click tells it."""
    raise click.Abort


def test_an_interrupted_command_says_no_more_than_that(capsys: pytest.CaptureFixture[str]) -> None:
    """One that requests no job has none to speak of."""
    assert (ended(interrupted), capsys.readouterr().err) == (130, "Interrupted.\n")


def test_whoever_interrupts_jobs_hears_what_becomes_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost, and the interruption goes on."""
    with pytest.raises(KeyboardInterrupt), jobs_go_on():
        raise KeyboardInterrupt
    assert "Nothing is lost" in capsys.readouterr().err
