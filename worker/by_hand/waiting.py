"""The gate of what somebody waits for: each call takes a slot of the throttle, for as long as somebody waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.ledger.guard import ByHand

if TYPE_CHECKING:
    import threading

    from worker.jobs.calls import Api
    from worker.runtime import Runtime


class NobodyWaits(Exception):
    """Nobody waits for the result any longer, so no further call is made."""


class AwaitedReads(ByHand):
    """Waits for a slot of the throttle, until a time, or until it is stopped."""

    def __init__(self, runtime: Runtime, system_id: int, api: Api, until: float, stopped: threading.Event) -> None:
        super().__init__(runtime.ledger, system_id, runtime.timeouts.call, self._pause, api=api, until=until)
        self._stopped = stopped

    def before_read(self) -> None:
        """Wait for a slot. Also raises NobodyWaits."""
        self._pause(0)
        super().before_read()

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise NobodyWaits
