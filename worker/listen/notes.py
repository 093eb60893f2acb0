"""Notes for the operator the triggers that were refused before anybody read them; they show in Error Logs.

A note is a help and no promise: none delays an answer, and there may be none if Redis does not answer, or if many are
being written. Each such request still has its line in the log.
"""

from __future__ import annotations

import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from worker.handover import hand_over, report_refusals
from worker.jobs.errors import LedgerUnavailable, SenderUnknown, SyncError, TriggerMalformed
from worker.sync.triggers import TOO_LONG, Refused
from worker.telemetry.seldom import SAID_EVERY_SECONDS, Seldom
from worker.web.lanes import Lane, LaneFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ledger import Ledger

PLACES: Final = 16
STRANGERS_NOTED: Final = 2
"""The kinds of them: without a token, and with a wrong one."""
FULL: Final = "as many notes as can be written at once are being written"


def error_of(status: HTTPStatus, *, has_token: bool) -> SyncError | None:
    """What the operator is told of a trigger that was refused unread; nothing, if it will come again by itself."""
    if status == HTTPStatus.UNAUTHORIZED:
        said = "its token is not known here" if has_token else "it sent no token"
        return SenderUnknown(f"{said}. This is noted once in {SAID_EVERY_SECONDS / 60:.0f} minutes")
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TriggerMalformed(TOO_LONG)
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return TriggerMalformed("it is compressed")
    return None


class Notes:
    """Those of one process. `add` is called by the event loop alone."""

    def __init__(self, ledger: Callable[[], Ledger], now: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._strangers = Seldom(STRANGERS_NOTED, now)
        """Senders without a token, so that a stranger fills neither the page nor Redis."""
        self._lane = Lane("notes", threads=1, places=PLACES, full=FULL)

    def add(self, status: HTTPStatus, *, has_token: bool) -> None:
        """Note a trigger that is refused with this status, beside the answer."""
        error = error_of(status, has_token=has_token)
        if error and not (isinstance(error, SenderUnknown) and not self._strangers.count(error.failure.detail)):
            with suppress(LaneFull):
                self._lane.begin(lambda: self._write(error))

    def _write(self, error: SyncError) -> None:
        with suppress(LedgerUnavailable):  # it has said so
            report_refusals(hand_over([Refused(error, "", 0)], self._ledger()))
