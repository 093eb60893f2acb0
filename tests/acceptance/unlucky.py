"""Workers on a bad day: a create meets a fault of the software, an update ends the process, and the next one starts.

`python -m tests.acceptance.unlucky` runs one worker after the other.
"""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing import get_context

from worker.app import app
from worker.effects import Effect, Moment
from worker.runtime import Runtime

PERSONAL_DATA = "zoe@example.com"


def bring_bad_luck(effect: Effect, moment: Moment) -> None:
    """Break in the ways that no code can foresee."""
    if effect is Effect.CREATE_CUSTOMER:
        raise RuntimeError(PERSONAL_DATA)
    if effect is Effect.UPDATE_CUSTOMER and moment is Moment.BEFORE:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    app.runtime = Runtime.build(witness=bring_bad_luck)
    while True:
        worker = get_context("fork").Process(target=app.worker_main, args=(["worker"],), daemon=True)
        worker.start()
        worker.join()
