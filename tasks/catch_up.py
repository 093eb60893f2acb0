"""Catch-up: requests the customers without a link, which makes up for triggers that never arrived.

Beat calls it every few minutes, and each call does a piece of the work for the connections whose catch-up is due. The
ledger holds which are due and how far each has come, so any worker can continue, and several at once do no harm.
"""

from __future__ import annotations

import math
import random
import uuid
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tasks.scheduled import ScheduledTask
from worker.app import app
from worker.jobs.asking import Asker, Source
from worker.jobs.errors import ConnectionHeld, LedgerUnavailable, SyncError, ThrottleUsedUp
from worker.jobs.progress import TakenOver
from worker.jobs.routes import CATCH_UP
from worker.ledger.guard import ThrottledReads
from worker.ledger.intake import LedgerIntake
from worker.presentation.wording import counted
from worker.sync.initialize import initialize
from worker.sync.place import Place
from worker.telemetry import outcomes
from worker.telemetry.outcomes import announce

if TYPE_CHECKING:
    from worker.jobs.progress import Progress
    from worker.runtime import Runtime
    from worker.sync.initialize import Step

HOUR_SECONDS: Final = 60 * 60
LONGEST_SECONDS: Final = 10
"""How long one call may take, because it takes a worker's thread. A read that has begun may take longer."""


@app.task(base=ScheduledTask, name=CATCH_UP)
def catch_up() -> dict[str, int]:
    """Do a piece of the catch-ups that are due."""
    runtime = app.runtime
    hours, until = runtime.settings.catch_up_hours, runtime.clock() + LONGEST_SECONDS
    systems = [each.system_id for each in runtime.connections if hours and each.catches_up]
    random.shuffle(systems)  # so that it is not always the same store for which no time is left
    requested = 0
    try:
        while systems and runtime.clock() < until:
            requested += _piece(runtime, systems.pop(), hours * HOUR_SECONDS, until)
    except LedgerUnavailable as error:
        announce(outcomes.CATCH_UPS_WAIT, error=error)
    return {"requested": requested}


def _piece(runtime: Runtime, system_id: int, every_seconds: float, until: float) -> int:
    """Do a piece of one connection's catch-up, if it is due. Returns how many customers it requested."""
    progress = runtime.ledger.progress.begin_catch_up(system_id, every_seconds)
    if progress is None or runtime.ledger.hold_of(system_id):
        return 0
    piece = _Piece(runtime, progress)
    with suppress(TakenOver):  # another worker continues it
        try:
            piece.go_on(until)
        except LedgerUnavailable:
            raise
        except (ConnectionHeld, ThrottleUsedUp):
            pass  # the next call continues it
        except SyncError as error:
            piece.note(error)
    return piece.progress.requested - progress.requested


class _Piece:
    """A piece of one catch-up."""

    def __init__(self, runtime: Runtime, progress: Progress) -> None:
        self._runtime = runtime
        self.progress = progress

    def go_on(self, until: float) -> None:
        """Go on until the time is up, without waiting even for the throttle. Raises what an initialize raises."""
        runtime, system_id = self._runtime, self.progress.system_id
        gate = ThrottledReads(runtime.ledger, system_id, runtime.timeouts.call, until=-math.inf)
        source = runtime.source(system_id, str(uuid.uuid4()), gate)
        intake = LedgerIntake(runtime.ledger, system_id, Asker(Source.CATCH_UP))
        for step in initialize(self.progress, source, intake, _give_up):
            self.progress = step.progress
            if step.place.has_ended:
                _log_end(step)
            if step.is_waiting or runtime.clock() >= until:
                return

    def note(self, error: SyncError) -> None:
        """Log an error of iPaaS.com, but only the first time that this catch-up meets it."""
        place, code = Place.read(self.progress.position), error.entry.code
        if place.logged == code:
            return
        noted = replace(self.progress, position=str(replace(place, logged=code)))
        self.progress = self._runtime.ledger.progress.advance(noted)
        announce(outcomes.CATCH_UP_WAITS, noted.system_id, error=error)


def _give_up(error: SyncError, _: float) -> None:
    """Raise the error instead of waiting: the next call tries again."""
    raise error


def _log_end(step: Step) -> None:
    progress, place = step.progress, step.place
    customers, times = counted(progress.requested, "customer"), counted(place.reading, "time")
    numbers = f"{customers} without a link requested, the list read {times}"
    if place.ended_short:
        numbers += f"; it ended after page {place.last:,} of {place.short_of:,} announced"
    elif not place.is_complete:
        numbers += "; it changed each time, so that somebody may have been missed"
    announce(outcomes.CAUGHT_UP, progress.system_id, numbers)
