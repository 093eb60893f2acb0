"""The worker, beat, Flower and the front door as child processes."""

from __future__ import annotations

import http.client
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.config.cores import places
from worker.config.settings import variable
from worker.local.child import GRACE_SECONDS, Child
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
    """Where the services run: their environment, their current folder, and where their files and logs go."""

    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    files: Path
    logs: Path | None = None
    """The folder for their log files; None is standard error."""
    grace_seconds: float = GRACE_SECONDS
    """How long the worker's running jobs may take after it was asked to end."""

    def services(self, flower_port: int, login: Login, workers: int = 1, listen_port: int | None = None) -> list[Child]:
        """Workers for all queues; beat, of which only one may run; and Flower on the loopback address.

        With a `listen_port` also the front door, there.
        """
        # As an argument the login would show in the machine's list of processes.
        authentication = f"{login.user}:{login.password.get_secret_value()}"
        names = ["worker"] if workers == 1 else [f"worker{number}" for number in range(1, workers + 1)]
        return [
            *map(self._worker, names, places(workers)),
            self._celery("beat", f"--schedule={self.files / 'beat-schedule'}"),
            self._celery("flower", f"--address={HOST}", f"--port={flower_port}", FLOWER_BASIC_AUTH=authentication),
            *([] if listen_port is None else [self._front_door(listen_port)]),
        ]

    def _front_door(self, port: int) -> Child:
        command = [sys.executable, "-m", "worker.cli", "listen", f"--host={HOST}", f"--port={port}"]
        return Child("listen", command, dict(self.environment), self.folder, self._log("listen"), self.grace_seconds)

    def _worker(self, name: str, core: int | None) -> Child:
        options = (f"--hostname={name}@%h",)
        more = {} if core is None else {variable("core"): str(core)}
        return self._celery("worker", *options, name=name, grace_seconds=self.grace_seconds, **more)

    def _celery(
        self, program: str, *options: str, name: str = "", grace_seconds: float = GRACE_SECONDS, **more: str
    ) -> Child:
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "worker.app", program, *options]
        name = name or program
        return Child(name, command, {**self.environment, **more}, self.folder, self._log(name), grace_seconds)

    def _log(self, name: str) -> Path | None:
        return self.logs / f"{name}.log" if self.logs else None


def flower_answers(port: int) -> bool:
    """Whether Flower answers; the page that is asked for needs no login."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
