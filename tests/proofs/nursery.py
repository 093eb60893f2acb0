"""Workers that are back at once: `python -m tests.proofs.nursery COUNT` forks them, and forks anew whichever dies.

A worker takes seconds to start, mostly to import. Forked from a process that has imported everything it is at work in a
fraction of that, so that it can be killed every two seconds and still be killed at work.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import tasks  # noqa: F401 - imported here, so that no worker has to
from worker.app import app


def main(count: int) -> NoReturn:
    """Keep so many workers running until this process gets SIGTERM."""
    children: dict[int, int] = {}
    signal.signal(signal.SIGTERM, lambda *_: _end(list(children)))
    for number in range(count):
        children[_forked(number)] = number
    while True:
        pid, _ = os.wait()
        number = children.pop(pid)
        children[_forked(number)] = number


def _forked(number: int) -> int:
    if pid := os.fork():
        return pid
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    app.worker_main(["worker", f"--hostname=worker{number}"])
    os._exit(0)


def _end(children: list[int]) -> NoReturn:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
