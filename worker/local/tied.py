"""Runs a command that lives no longer than its parent: `python -m worker.local.tied PARENT_PID COMMAND…`.

The kernel is asked to kill this process once its parent is gone, however that ended; then the command takes this
process' place and keeps that wish. Linux alone knows it (prctl). Elsewhere children outlive a parent that was killed
with SIGKILL, and only then. To be killed harms neither a worker (its jobs are free again once their leases run out) nor
Valkey (its append-only file is written before it answers).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""


def main(parent: int, command: list[str]) -> None:
    """Become the command; end at once where the parent is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted: the command comes from our own code


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
