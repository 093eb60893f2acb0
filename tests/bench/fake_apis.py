"""The fake APIs as a process of their own: compiled, started, reset and asked."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.processes import cpu_ms
from worker.local.ports import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES: Final = Path(__file__).parent / "apis"
FIRST_ID: Final = 1_000_001
"""The id of the first customer, as in `records.h`."""
PATIENCE_SECONDS: Final = 10


class DoneBy(IntEnum):
    """The call that ends the work on a customer."""

    WRITE = 0
    LINK = 1
    SURVEY = 2


@dataclass(frozen=True)
class Totals:
    """What has happened since the last reset."""

    calls: int
    customers: int
    """Those whose work has ended at least once."""
    ends: int
    doubled: int
    """Customers that were written more than once."""


@dataclass(frozen=True)
class Line:
    """What has happened to one customer; times on the monotonic clock, in nanoseconds."""

    customer_id: int
    writes: int
    ends: int
    first_ns: int
    last_ns: int


class NoCompiler(Exception):
    """There is no C compiler."""


class FakeApis:
    """The server, and its control plane."""

    def __init__(self, port: int, pid: int, load: Path) -> None:
        self.port, self.pid, self._load = port, pid, load
        self.url = f"http://{HOST}:{port}"

    def reset(self, latency_ms: int = 0, *, linked: bool = True, done_by: DoneBy = DoneBy.WRITE) -> None:
        """Forget everything. `linked`: whether every customer has a link at first."""
        query = f"latency_ms={latency_ms}&linked={int(linked)}&done_by={done_by.value}"
        self._ask("POST", f"/control/reset?{query}")

    def totals(self) -> Totals:
        """What has happened since."""
        return Totals(**json.loads(self._ask("GET", "/control/totals")))

    def log(self, count: int) -> list[Line]:
        """What has happened to each of the first customers."""
        text = self._ask("GET", f"/control/log?count={count}").decode()
        return [Line(*map(int, line.split())) for line in text.splitlines()]

    def cpu_ms(self) -> float:
        """The CPU time that the server has used."""
        return cpu_ms(self.pid)

    def capacity(self, seconds: float = 1) -> int:
        """How many calls a second it answers to 20 connections that never rest."""
        command = [str(self._load), str(self.port), "20", str(seconds)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def _ask(self, method: str, path: str) -> bytes:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def fake_apis(folder: Path) -> Iterator[FakeApis]:
    """Compile the server and run it. Raises NoCompiler."""
    server, load = compiled("server", folder), compiled("load", folder)
    port = free_port()
    with subprocess.Popen([str(server), str(port)], stdout=subprocess.PIPE) as child:
        try:
            if not child.stdout or not child.stdout.readline():
                raise RuntimeError("the fake APIs do not start")
            yield FakeApis(port, child.pid, load)
        finally:
            child.kill()


def compiled(name: str, folder: Path) -> Path:
    """One of the programs, compiled into a folder. Raises NoCompiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise NoCompiler("The fake APIs are written in C, and there is no C compiler: apt-get install gcc libc6-dev")
    program = folder / name
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(SOURCES / f"{name}.c")], check=True)
    return program


def wait_for(apis: FakeApis, customers: int, seconds: float) -> Totals:
    """Wait until the work on as many customers has ended, or the time is over."""
    until = time.monotonic() + seconds
    while (totals := apis.totals()).customers < customers and time.monotonic() < until:
        time.sleep(0.005)
    return totals
