"""How a command ends."""

from __future__ import annotations

import signal
import subprocess
import sys

import click
import pytest

from worker.cli.ending import ended, jobs_go_on
from worker.cli.signals import Signals


def interrupted() -> int:
    """A command during which somebody presses Ctrl-C, as click tells it."""
    raise click.Abort


def test_an_interrupted_command_says_no_more_than_that(capsys: pytest.CaptureFixture[str]) -> None:
    """One that requests no job has none to speak of."""
    assert (ended(interrupted, Signals(())), capsys.readouterr().err) == (130, "Interrupted.\n")


def test_whoever_interrupts_jobs_hears_what_becomes_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost, and the interruption goes on."""
    with pytest.raises(KeyboardInterrupt), jobs_go_on():
        raise KeyboardInterrupt
    assert "Nothing is lost" in capsys.readouterr().err


def test_what_an_interruption_has_become_is_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    """Python 3.11 makes a RuntimeError of whatever happens while a class is made."""
    signals = Signals(())

    def spoilt() -> int:
        signals.number = signal.SIGINT
        raise RuntimeError("Error calling __set_name__")

    assert (ended(spoilt, signals), capsys.readouterr().err) == (130, "Interrupted.\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_command_may_take_ctrl_c_for_its_good_end(number: signal.Signals, code: int) -> None:
    """But not SIGTERM."""
    signals = Signals(())

    def watching() -> int:
        signals.number = number
        return 0

    assert ended(watching, signals) == code


IN_A_DESTRUCTOR = """
import os, signal, time
from worker.cli.signals import Signals

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)

Signals().interrupt()
try:
    Dying()
    time.sleep(30)
except KeyboardInterrupt as error:
    print("interrupted by", error)
"""


def test_a_signal_in_a_destructor_is_not_lost() -> None:
    """Python can raise nothing there: it would print the exception and go on."""
    done = subprocess.run([sys.executable, "-c", IN_A_DESTRUCTOR], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("interrupted by SIGTERM\n", "")
