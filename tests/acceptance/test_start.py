"""What starts quickly: commands that only ask the ledger, and a worker."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import parts

if TYPE_CHECKING:
    from pathlib import Path


SLOW = {"celery", "kombu", "flower", "tornado", "sentry_sdk", "requests", "urllib3"}
"""What takes long to import, and what none of these commands needs."""
IMPORTED = re.compile(r"^import time: .*\| +([\w.]+)$", re.MULTILINE)
TRIGGER = {"id": "150713", "destination": "4021", "scope": "customer/updated", "tracking_guid": "0a8e0a8e"}


@pytest.fixture
def env(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that reports to Sentry."""
    connections = parts.write_connections(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "trigger.json").write_text(json.dumps({"notifications": [TRIGGER]}), encoding="utf-8")
    return parts.environment(redis_url, connections, SENTRY_DSN="https://key@sentry.example.com/1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["status"],
        ["sync", "150713"],
        ["trigger", "trigger.json"],
        ["failures", "list"],
        ["mapping"],
    ],
    ids=" ".join,
)
def test_command_imports_nothing_slow(arguments: list[str], env: dict[str, str], tmp_path: Path) -> None:
    """It hands jobs over, or shows them, without Celery, Flower, Sentry and HTTP; in a pipe without rich, too."""
    command = [sys.executable, "-X", "importtime", "-m", "worker.cli", *arguments]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in IMPORTED.findall(done.stderr)}
    assert "click" in imported
    assert imported & SLOW == set()
    assert "rich.console" not in done.stderr


def test_help_reads_no_configuration(env: dict[str, str], tmp_path: Path) -> None:
    """Neither the libraries that check it and reach Redis, nor the file."""
    command = [sys.executable, "-X", "importtime", "-m", "worker.cli", "--help"]
    broken = env | {"STAMPED_SYNC_CONNECTIONS": "no-such-file.toml", "STAMPED_SYNC_CONCURRENCY": "many"}
    done = subprocess.run(command, env=broken, cwd=tmp_path, capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in IMPORTED.findall(done.stderr)}
    assert imported & {"pydantic", "redis", "rich", "dotenv"} == set()


def test_worker_is_ready_without_what_it_does_not_need(env: dict[str, str], tmp_path: Path) -> None:
    """It does not wait for other workers' answers, for Sentry without a DSN, or for what only a terminal needs."""
    log = tmp_path / "worker.log"
    with parts.process(
        ["-X", "importtime", "-m", "celery", "-A", "worker.app", "worker"], env | {"SENTRY_DSN": ""}, log
    ):
        parts.eventually(lambda: " ready." in log.read_text(encoding="utf-8"))
    text = log.read_text(encoding="utf-8")
    assert "mingle: " not in text
    assert set(IMPORTED.findall(text)) & {"sentry_sdk", "rich.console"} == set()
