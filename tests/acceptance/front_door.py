"""The front door as a process, for tests: where it listens, and what it answers."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import requests

from tests import parts
from worker.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TOKEN: Final = "0123456789abcdef-token"
SENDER: Final = {"Authorization": f"Bearer {TOKEN}"}
TOKENS: Final = {"STAMPED_SYNC_LISTEN_TOKENS": f"shop:{TOKEN}"}


@dataclass
class Door:
    """One front door."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def post(self, trigger: object = None, **more: Any) -> requests.Response:
        """What it answers to a trigger of somebody who has a token."""
        given = {"headers": SENDER, **({} if trigger is None else {"json": trigger}), **more}
        return requests.post(f"{self.url}/triggers", timeout=parts.PATIENCE_SECONDS, **given)

    def get(self, path: str) -> requests.Response:
        """What it answers there."""
        return requests.get(f"{self.url}{path}", timeout=parts.PATIENCE_SECONDS)

    def end(self) -> int:
        """Ask it to end; its exit code."""
        self.process.terminate()
        return self.process.wait(parts.PATIENCE_SECONDS)


@contextlib.contextmanager
def front_door(env: Mapping[str, str], folder: Path, **more: str) -> Iterator[Door]:
    """A front door that takes triggers."""
    port = free_port()
    log = folder / f"listen-{port}.log"
    command = [sys.executable, "-m", "worker.cli", "listen", f"--port={port}"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=folder, env={**env, **TOKENS, **more}, stderr=output)
    door = Door(f"http://127.0.0.1:{port}", process, log)
    try:
        parts.eventually(lambda: answers(door), progress=log.read_text)
        yield door
    finally:
        process.kill()
        process.wait()


def answers(door: Door) -> bool:
    """Whether it answers; it must not have ended."""
    assert door.process.poll() is None, door.log.read_text()
    try:
        return door.get("/healthz").ok
    except requests.ConnectionError:
        return False
