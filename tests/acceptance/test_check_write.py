"""`stamped-sync check --write` at a terminal, and when it is interrupted."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from worker.sandbox.server import RunningSandbox

EMAIL = "test@example.com"
WRITE = ("check", "--write", "--email", EMAIL)


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that the sandbox answers."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url))


@pytest.mark.parametrize("said", ["y", "n", ""])
def test_it_asks_before_it_writes(said: str, env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox) -> None:
    """With what will be written, and where."""
    mine, theirs = pty.openpty()
    command = parts.console_command(*WRITE)
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as asks:
        asked = os.read(mine, 1024)
        while b"[y/N]" not in asked:
            asked += os.read(mine, 1024)
        assert {call.method for call in sandbox.sandbox.calls} == {"GET"}
        os.write(mine, f"{said}\n".encode())
        assert asks.wait(parts.PATIENCE_SECONDS) == (0 if said == "y" else 1)
    for told in (EMAIL, "store 270392", "4021 Sandbox 4021", "no call to delete it"):
        assert told in " ".join(asked.decode().split())
    assert bool(sandbox.sandbox.stamped_customers) == (said == "y")
    os.close(mine)
    os.close(theirs)


@pytest.mark.parametrize("path", ["survey/subscribe", "customers/add"])
@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP, signal.SIGHUP)])
def test_interruption_leaves_the_customer_unsubscribed(
    path: str, numbers: tuple[signal.Signals, ...], env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox
) -> None:
    """Whenever it comes; it says that the customer may be there. A terminal that is closed says so twice."""
    sandbox.sandbox.add_fault(Fault(path=path, times=1, delay_seconds=1))
    command = parts.console_command(*WRITE, "--yes")
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        parts.eventually(lambda: any(path in call.path for call in sandbox.sandbox.calls))
        for number in numbers:
            running.send_signal(number)
            time.sleep(0.05)
        _, told = running.communicate(timeout=parts.PATIENCE_SECONDS)
    assert running.returncode == 128 + numbers[0]
    assert f"{EMAIL} may be in Stamped.io now" in told.decode()
    [customer] = sandbox.sandbox.stamped_customers.values()
    assert customer["isSubscribed"] is False
