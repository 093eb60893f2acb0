"""The worker's app with a witness that kills the process, once, just before or just after a named side effect.

`celery -A tests.acceptance.killable worker` is a worker of it; `python -m tests.acceptance.killable discard` does what
the command `failures discard` does. KILL_AT names effect and moment, KILLED the file that is made at the kill.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from worker.app import app
from worker.job import Job, Kind
from worker.runtime import Runtime

if TYPE_CHECKING:
    from worker.effects import Effect, Moment

__all__ = ["app"]

KILL_AT = os.environ["KILL_AT"]
KILLED = Path(os.environ["KILLED"])


def kill_once(effect: Effect, moment: Moment) -> None:
    """End this process as if the machine had lost its power, at the one moment that is asked for."""
    if f"{effect}:{moment}" != KILL_AT:
        return
    try:
        KILLED.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


app.runtime = Runtime.build(witness=kill_once)

if __name__ == "__main__":
    _, command, system_id, customer_id = sys.argv
    assert command == "discard"
    app.runtime.ledger.discard(Job(Kind.CUSTOMER, int(system_id), customer_id))
