"""Guards the calls of a claimed job: none is made that the claim and the throttle do not cover."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ledger import Claim, Ledger

PAUSE_SECONDS = 0.2
"""How long a read that belongs to no job waits before it asks for room again."""


class Guard:
    """The gates of a claimed job, one for each API, and the count of the calls that went through."""

    def __init__(
        self,
        ledger: Ledger,
        claim: Claim,
        *,
        asked_at: float,
        lease_seconds: float,
        call_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`asked_at` is when the claim was asked for, by `clock`: the lease may have begun then."""
        self._ledger = ledger
        self._claim = claim
        self._spare_seconds = lease_seconds - call_seconds
        self._clock = clock
        self._covered_until = asked_at + self._spare_seconds
        self.calls = {"stamped": 0, "ipaas": 0}
        self.api = ""
        """The API of the last call."""
        self.source = ApiGate(self, "ipaas")
        self.store = ApiGate(self, "stamped")

    def let_through(self, api: str, *, writes: bool) -> None:
        """Let one call through.

        Before a write the claim is always checked and renewed. Before a read that is done only when the rest of the
        lease might not cover the call, or the throttle does not: that spares most reads a round trip to Redis.
        Raises ClaimLost and Throttled.
        """
        is_extra = self.calls[api] >= self._claim.covered.get(api, sys.maxsize)
        if writes or is_extra or self._clock() >= self._covered_until:
            now = self._clock()
            self._ledger.renew(self._claim, extra_call=api if is_extra else "")
            self._covered_until = now + self._spare_seconds
        self.calls[api] += 1
        self.api = api


class ApiGate:
    """The gate of one API."""

    def __init__(self, guard: Guard, api: str) -> None:
        self._guard = guard
        self._api = api

    def before_read(self) -> None:
        """Let a read through. Raises ClaimLost and Throttled."""
        self._guard.let_through(self._api, writes=False)

    def before_write(self) -> None:
        """Let a write through. Raises ClaimLost and Throttled."""
        self._guard.let_through(self._api, writes=True)


class ReadOnly:
    """The gate of what runs without a claim: a check, a preview."""

    def before_read(self) -> None:
        """Let a read through."""

    def before_write(self) -> None:
        """Let no write through: it would need a claim."""
        raise PermissionError("only a claimed job may write")


class Unhurried(ReadOnly):
    """The gate of reads that belong to no job: each waits until the store's throttle of iPaaS.com has room for it."""

    def __init__(
        self, ledger: Ledger, system_id: int, call_seconds: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._ledger = ledger
        self._system_id = system_id
        self._call_seconds = call_seconds
        self._sleep = sleep

    def before_read(self) -> None:
        """Wait for room. Raises LedgerUnavailable."""
        while not self._ledger.book(self._system_id, "ipaas", self._call_seconds):
            self._sleep(PAUSE_SECONDS)
