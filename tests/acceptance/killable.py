"""The worker's app with a witness that kills the process, once, just before or just after a named side effect.

`celery -A tests.acceptance.killable worker` runs a worker of it; `python -m tests.acceptance.killable` with `discard`,
`release`, `pause`, `resume`, `repair` or `initialize` does what the command of `stamped-sync` of this name does, with
`acknowledge` and `dismiss` what a page does, and with `note` what many do last. KILL_AT names the effect (or TAKE) and
the moment, KILLED the file that is made at the kill.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.app import app
from worker.broker import Channel, QoS
from worker.by_hand.initialize import go_on
from worker.effects import Moment
from worker.jobs.asking import SOMEBODY
from worker.jobs.job import Job, Kind
from worker.jobs.progress import Selection
from worker.ledger.memory.event import REQUESTED, Change
from worker.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.errors import SyncError

__all__ = ["app"]

TAKE = "take"
"""To take a message off its queue: no side effect of ours, but Redis has it no more."""
KILL_AT = os.environ["KILL_AT"]
KILLED = Path(os.environ["KILLED"])


def kill_once(effect: str, moment: Moment) -> None:
    """End this process as if the machine had lost its power, at the one moment that is asked for."""
    if f"{effect}:{moment}" != KILL_AT:
        return
    try:
        KILLED.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class Taken(QoS):
    """The messages in hand: the process can be killed with one that it has popped, before or after it is kept here."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Keep a message."""
        kill_once(TAKE, Moment.BEFORE)
        super().append(message, delivery_tag)
        kill_once(TAKE, Moment.AFTER)


app.runtime = Runtime.build(witness=kill_once)
Channel.QoS = Taken


def discard(system_id: int, customer_id: str) -> None:
    """Forget a failed job."""
    app.runtime.ledger.discard_all([Job(Kind.CUSTOMER, system_id, customer_id)])


def release(system_id: int) -> None:
    """End the hold of a connection."""
    app.runtime.ledger.release(system_id)


def pause(system_id: int) -> None:
    """Let the jobs of a connection wait."""
    app.runtime.ledger.pause(system_id, SOMEBODY, "a reason")


def resume(system_id: int) -> None:
    """Let them go on."""
    app.runtime.ledger.resume(system_id)


def note(system_id: int) -> None:
    """Remember that somebody has asked for customers."""
    app.runtime.ledger.events.note(Change(REQUESTED, SOMEBODY, system_id))


def acknowledge(system_id: int) -> None:
    """Note that somebody knows of a group of failed jobs."""
    app.runtime.ledger.acknowledge(Kind.CUSTOMER, system_id, "email-missing", SOMEBODY, "a note")


def dismiss(_: int) -> None:
    """Forget all refused notifications."""
    if found := app.runtime.ledger.refusals():
        app.runtime.ledger.dismiss(found, SOMEBODY)


def repair(_: int) -> None:
    """Mend the whole ledger."""
    app.runtime.ledger.repair(acts=True)


def initialize(system_id: int) -> None:
    """Ask for every customer of a connection, from where the last run stopped."""
    for _ in go_on(app.runtime, app.runtime.ledger.progress.begin(system_id, Selection.ALL), give_up):
        pass


def give_up(error: SyncError, seconds: float) -> None:
    """Try nothing twice."""
    assert seconds
    raise error


if __name__ == "__main__":
    _, command, system, *ids = sys.argv
    commands: dict[str, Callable[..., None]] = {
        "discard": discard,
        "release": release,
        "pause": pause,
        "resume": resume,
        "note": note,
        "acknowledge": acknowledge,
        "dismiss": dismiss,
        "repair": repair,
        "initialize": initialize,
    }
    commands[command](int(system), *ids)
