"""Ctrl-C, SIGTERM and SIGHUP at any moment of a command: a word, the code of the signal, and never a traceback.

The moments are spread over the first second from the one in which the command answers signals: before it, Python itself
is still starting.
"""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.local.ports import free_port
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.sandbox.server import RunningSandbox

ID = "150713"
MOMENTS = [0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 1.0]
"""Seconds; most fall into the imports."""
NEVER = ("Traceback", "Exception ignored", "KeyboardInterrupt")

WAITING = {
    "check": ["check"],
    "preview": ["preview", ID],
    "sync": ["sync", ID, "--wait"],
    "initialize": ["initialize"],
    "initialize, counting": ["initialize", "--dry-run"],
    "trigger": ["trigger"],
    "demo": ["demo", "--customers", "20"],
}
"""Commands that have something to wait for: none of them can be over."""
ENDING = {
    "--help": ["--help"],
    "status": ["status"],
    "failures": ["failures", "rerun", "--all", "--yes"],
    "mapping": ["mapping"],
    "errors": ["errors"],
}
"""Commands that may be over before the signal comes."""
ENDED_SO = {
    "sandbox": ["sandbox", "--port", "0"],
    "up": ["up", "--flower-port"],
    "status --watch": ["status", "--watch"],
}
"""Commands for which Ctrl-C, once they run, is the good end."""


@dataclass(frozen=True)
class Stage:
    """Where commands are run."""

    env: dict[str, str]
    folder: Path

    def interrupted(self, arguments: list[str], after: float, *numbers: signal.Signals) -> tuple[int, str]:
        """Run a command, send it signals from a moment on, and answer its exit code and what it said."""
        pipe = subprocess.PIPE
        command = parts.console_command(*arguments)
        with subprocess.Popen(command, env=self.env, cwd=self.folder, stdin=pipe, stdout=pipe, stderr=pipe) as running:
            parts.eventually(lambda: running.poll() is not None or answers_signals(running.pid))
            time.sleep(after)
            for number in numbers:
                running.send_signal(number)
                time.sleep(0.002)
            out, err = running.communicate(timeout=parts.PATIENCE_SECONDS)
            return running.returncode, out.decode() + err.decode()


def answers_signals(pid: int) -> bool:
    """Whether a process catches SIGTERM, which Python by itself does not; or whether it is over."""
    listed = Path(f"/proc/{pid}/status")
    if listed.is_file():
        caught = [line.split()[1] for line in listed.read_text().splitlines() if line.startswith("SigCgt")]
    else:
        ps = ["ps", "-o", "sigcatch=", "-p", str(pid)]
        caught = subprocess.run(ps, capture_output=True, text=True, check=False).stdout.split()
    return not caught or bool(int(caught[0], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.fixture
def stage(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> Iterator[Stage]:
    """An installation whose APIs answer late, and no worker."""
    sandbox.sandbox.add_fault(Fault(delay_seconds=30))
    env = parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url), TMPDIR=str(tmp_path))
    yield Stage(env | {"STAMPED_SYNC_READ_TIMEOUT_SECONDS": "15", "STAMPED_SYNC_LEASE_SECONDS": "60"}, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("stamped-sync-demo")] == []


def told_badly(said: str) -> list[str]:
    """What only a fault of ours says."""
    return [each for each in NEVER if each in said]


@pytest.mark.parametrize("name", WAITING)
def test_ctrl_c_ends_a_command_at_any_moment(name: str, stage: Stage) -> None:
    """With one word, and code 130."""
    for moment in MOMENTS:
        code, said = stage.interrupted(WAITING[name], moment, signal.SIGINT)
        assert (moment, code, "Interrupted." in said, told_badly(said)) == (moment, 130, True, [])


@pytest.mark.parametrize("name", ["check", "sync", "initialize", "demo"])
def test_a_second_ctrl_c_changes_nothing(name: str, stage: Stage) -> None:
    """However soon it follows."""
    for moment in MOMENTS:
        code, said = stage.interrupted(WAITING[name], moment, signal.SIGINT, signal.SIGINT)
        assert (moment, code, "Interrupted." in said, told_badly(said)) == (moment, 130, True, [])


@pytest.mark.parametrize("name", ["check", "sync", "trigger", "demo", "status --watch"])
def test_sigterm_ends_a_command_like_ctrl_c(name: str, stage: Stage) -> None:
    """With code 143."""
    for moment in MOMENTS:
        code, said = stage.interrupted((WAITING | ENDED_SO)[name], moment, signal.SIGTERM)
        assert (moment, code, told_badly(said)) == (moment, 143, [])
        assert "Terminated." in said


@pytest.mark.parametrize("name", ["check", "status --watch"])
def test_a_terminal_that_is_closed_ends_a_command_like_ctrl_c(name: str, stage: Stage) -> None:
    """With code 129."""
    for moment in MOMENTS[::3]:
        code, said = stage.interrupted((WAITING | ENDED_SO)[name], moment, signal.SIGHUP)
        assert (moment, code, told_badly(said)) == (moment, 129, [])
        assert "Hung up." in said


@pytest.mark.parametrize("name", ENDING)
def test_a_command_ends_well_or_is_interrupted(name: str, stage: Stage) -> None:
    """Its last moments are not disturbed."""
    for moment in MOMENTS:
        code, said = stage.interrupted(ENDING[name], moment, signal.SIGINT)
        assert code in {0, 130}
        assert told_badly(said) == []
        assert ("Interrupted." in said) == (code == 130)


@pytest.mark.parametrize("name", ENDED_SO)
def test_what_runs_until_ctrl_c_ends_well_by_it(name: str, stage: Stage) -> None:
    """Or is interrupted before it runs."""
    for moment in MOMENTS:
        more = [str(free_port())] if name == "up" else []
        code, said = stage.interrupted([*ENDED_SO[name], *more], moment, signal.SIGINT)
        assert code in {0, 130}
        assert told_badly(said) == []


def test_what_the_process_was_started_to_ignore_stays_ignored(stage: Stage) -> None:
    """As a job in a script's background is: Ctrl-C is meant for what is in front."""
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *parts.console_command("errors")]
    with subprocess.Popen(command, env=stage.env, stdout=subprocess.DEVNULL) as running:
        parts.eventually(lambda: answers_signals(running.pid))
        running.send_signal(signal.SIGINT)
        assert running.wait(parts.PATIENCE_SECONDS) == 0
