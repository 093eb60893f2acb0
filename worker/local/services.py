"""The worker, beat and Flower as child processes."""

from __future__ import annotations

import http.client
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from worker.local.child import Child
from worker.local.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import SecretStr

ANSWER_SECONDS = 1


@dataclass(frozen=True)
class Login:
    """Who may see Flower."""

    user: str
    password: SecretStr = field(repr=False)


@dataclass(frozen=True)
class Setting:
    """Where services run: their environment, their current folder, and where their logs and files go."""

    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    files: Path
    logs: Path | None = None
    """The folder of their log files; they log to standard error without one."""
    grace_seconds: float = 10
    """How long the worker's running jobs may take when it is asked to end."""

    def worker(self) -> Child:
        """A worker for all queues."""
        return replace(self._celery("worker", "--without-gossip", "--without-mingle"), grace_seconds=self.grace_seconds)

    def beat(self) -> Child:
        """The clock of sweeps and schedules; one of it must run."""
        return self._celery("beat", f"--schedule={self.files / 'beat-schedule'}")

    def flower(self, port: int, login: Login) -> Child:
        """Flower on the loopback address. The login is in its environment: arguments show in the list of processes."""
        child = self._celery("flower", f"--address={HOST}", f"--port={port}")
        told = {"FLOWER_BASIC_AUTH": f"{login.user}:{login.password.get_secret_value()}"}
        return replace(child, environment={**self.environment, **told})

    def _celery(self, name: str, *options: str) -> Child:
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "worker.app", name, *options]
        return Child(name, command, self.environment, self.folder, self.logs / f"{name}.log" if self.logs else None)


def flower_answers(port: int) -> bool:
    """Whether Flower is up; this page of it needs no login."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
