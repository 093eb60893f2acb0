"""Runs a command that lives no longer than its parent: `python -m worker.local.tied PARENT_PID COMMAND…`.

It asks the kernel to kill this process as soon as the thread that started it is gone, for whatever reason. Then the
command replaces this process, and the kernel still remembers. Only Linux can do this (prctl). On other systems a child
outlives its parent if that was killed with SIGKILL, and only then. Being killed harms neither a worker (its jobs are
free again once their leases run out) nor Valkey (it writes to its append-only file before it answers).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From <linux/prctl.h>."""


def main(parent: int, command: list[str]) -> None:
    """Become the command; end at once if the parent is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted: the command comes from our own code


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
