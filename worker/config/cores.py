"""The cores of this machine."""

from __future__ import annotations

import os


def cores() -> list[int]:
    """The cores that this process may use, by number; empty if the system keeps no process to some of them."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux's alone
    return sorted(affinity(0)) if affinity else []


def keep_to(core: int) -> None:
    """Let this thread, and those that it starts, run on one core alone."""
    os.sched_setaffinity(0, [core])
