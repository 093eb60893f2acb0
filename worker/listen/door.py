"""What the front door does behind HTTP: lets in so many at a time, hands triggers over, knows when it is ready."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from worker.handover import hand_over, report_refusals
from worker.jobs.errors import LedgerUnavailable
from worker.listen.metrics import Metrics
from worker.listen.notes import Notes
from worker.web.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.listen.senders import Senders
    from worker.reloading import Reloader
    from worker.sync.triggers import Verdict

THREADS: Final = 8
MOST_AT_A_TIME: Final = 64
"""How many triggers are being received or taken: each may have two megabytes."""
FULL: Final = "as many triggers as can be taken at once are being taken"


class Door:
    """What the handlers share; all but `take` is called by the event loop alone."""

    def __init__(self, senders: Senders, reloader: Reloader) -> None:
        self.senders = senders
        self._reloader = reloader
        self.metrics = Metrics()
        self.notes = Notes(lambda: reloader.ledger)
        self._lane = Lane("triggers", threads=THREADS, places=MOST_AT_A_TIME, full=FULL)
        self._look_lane = Lane("look", threads=1, places=1, full="a look is under way")
        self._look: asyncio.Future[bool] | None = None
        self._under_way = 0
        self.is_idle = asyncio.Event()
        """Whether no trigger is being received, taken or answered."""
        self.is_idle.set()

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more trigger."""
        return self._under_way >= MOST_AT_A_TIME

    def enter(self) -> None:
        """Count a trigger that is being received."""
        self._under_way += 1
        self.is_idle.clear()

    def leave(self) -> None:
        """It was answered, or its sender has gone away."""
        self._under_way -= 1
        if not self._under_way:
            self.is_idle.set()

    async def taken(self, body: bytearray) -> Sequence[Verdict]:
        """A verdict for each notification, once the ledger holds them. Raises LedgerUnavailable and LaneFull."""
        found = await self._lane.begin(lambda: self._take(body))
        self.metrics.judged(found)
        return found

    def _take(self, body: bytearray) -> Sequence[Verdict]:
        found = hand_over(self._reloader.judge(body), self._reloader.ledger)
        report_refusals(found)
        return found

    @property
    def is_configured(self) -> bool:
        """Whether neither the files of the configuration nor the tokens have a fault as they stand now."""
        return not (self._reloader.faults or self.senders.faults)

    async def redis_answers(self) -> bool:
        """Whether it does now; all who ask at a time share one look."""
        if self._look is None or self._look.done():
            self._look = self._look_lane.begin(self._asked)
        return await asyncio.shield(self._look)

    def _asked(self) -> bool:
        try:
            self._reloader.ledger.systems()
        except LedgerUnavailable:
            return False
        return True
