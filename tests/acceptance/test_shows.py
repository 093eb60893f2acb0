"""What shows state on the console and goes on until it is interrupted, or has to start fast."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import parts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def env(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation whose mapping subscribes everybody."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, "http://127.0.0.1:9", subscription=True))


def test_status_can_be_watched_until_it_is_interrupted(env: dict[str, str], tmp_path: Path) -> None:
    """It shows the state again and again; Ctrl-C ends it well."""
    command = parts.console_command("status", "--watch", "--json")
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        shown = [json.loads(running.stdout.readline()) for _ in range(2)]
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=parts.PATIENCE_SECONDS) == 0
    assert [sorted(each["jobs"]) for each in shown] == [["customer", "subscription"]] * 2
