"""The cores of this machine, and keeping a process to one of them."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

log = logging.getLogger(__name__)

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""How much CPU time the container of this process may take, and in which time; `max` if there is no bound."""


def cores() -> list[int]:
    """The cores that this process may use, by number; empty if the system keeps no process to some of them."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux's alone
    return sorted(affinity(0)) if affinity else []


def usable() -> int:
    """How many cores this process can keep busy, at least 1: fewer than it may use if its container has a quota."""
    count = len(cores()) or os.cpu_count() or 1
    return min(count, _allowed(_quota()) or count)


def places(processes: int) -> list[int | None]:
    """The core of each process, if together they fill the cores of the machine; else each may run where it likes."""
    found = cores()
    if not found or processes < len(found) or usable() < len(found):
        return [None] * processes
    return [found[number % len(found)] for number in range(processes)]


def keep_to(core: int) -> None:
    """Let this thread, and those that it starts, run on one core alone; warn if the process may not use that one."""
    if core in cores():
        os.sched_setaffinity(0, [core])
    else:
        log.warning(
            "STAMPED_SYNC_CORE=%d is none of the cores that this process may use: %s", core, cores() or "unknown"
        )


def _quota() -> str:
    try:
        return QUOTA.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _allowed(quota: str) -> int | None:
    time, _, period = quota.strip().partition(" ")
    is_bound = time.isdecimal() and period.isdecimal() and int(period) > 0
    return max(math.ceil(int(time) / int(period)), 1) if is_bound else None
