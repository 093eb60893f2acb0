"""Processes that are measured: their CPU time and memory, children included, and how they are killed (Linux only)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TICK_MS: Final = 1000 / os.sysconf("SC_CLK_TCK")
PROC: Final = Path("/proc")
KILL_SECONDS: Final = 10


class Shown(NamedTuple):
    """What the kernel shows about a process."""

    pid: int
    parent: int
    session: int
    cpu_ms: float
    """Its own and that of the children that it has waited for."""


def shown(pid: int) -> Shown | None:
    """What the kernel shows about a process that runs; None of one that has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] == "Z":
        return None
    ticks = sum(int(each) for each in fields[11:15])
    return Shown(pid, int(fields[1]), int(fields[3]), ticks * TICK_MS)


def cpu_ms(pid: int) -> float:
    """The CPU time of one process."""
    found = shown(pid)
    return found.cpu_ms if found else 0


def memory_mb(pid: int) -> float:
    """The memory of a process; of a page that processes share, each counts its part."""
    with suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text("utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0


@dataclass
class Crew:
    """The processes of a contestant, each the first of a session of its own, with all that they started."""

    roots: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, command: Sequence[str], env: Mapping[str, str], folder: Path, log: Path) -> None:
        """Start one of them."""
        with log.open("ab") as output:
            child = subprocess.Popen(
                command, env=dict(env), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self.roots.append(child)

    @property
    def is_running(self) -> bool:
        """Whether none of those that were started has ended."""
        return all(child.poll() is None for child in self.roots)

    def members(self) -> list[Shown]:
        """Every process of the crew that runs."""
        pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
        everyone = [found for found in map(shown, pids) if found]
        known = {child.pid for child in self.roots}
        while True:
            more = {each.pid for each in everyone if each.parent in known or each.session in known} - known
            if not more:
                return [each for each in everyone if each.pid in known]
            known |= more

    def cpu_ms(self) -> float:
        """The CPU time that the crew has used."""
        return sum(each.cpu_ms for each in self.members())

    def memory_mb(self) -> float:
        """The memory of the crew."""
        return sum(memory_mb(each.pid) for each in self.members())

    def kill(self) -> None:
        """SIGKILL to all of them at once, again until nobody is left."""
        until = time.monotonic() + KILL_SECONDS
        while (members := self.members()) and time.monotonic() < until:
            for each in members:
                with suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGKILL)
            for child in self.roots:
                child.wait()
        self.roots.clear()
