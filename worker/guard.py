"""Guards the calls of a claimed job: none is made that the claim does not cover."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ledger import Claim, Ledger


class Guard:
    """The gate of a claimed job.

    Before a write the claim is always checked and renewed. Before a read that is done only when the rest of the lease
    might not cover the call, which spares most reads a round trip to Redis.
    """

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
        self._ledger = ledger
        self._claim = claim
        self._spare_seconds = lease_seconds - call_seconds
        self._clock = clock
        # The lease may have begun as soon as the claim was asked for, however late the answer came.
        self._covered_until = asked_at + self._spare_seconds

    def before_read(self) -> None:
        """Let a read through. Raises ClaimLost."""
        if self._clock() >= self._covered_until:
            self._renew()

    def before_write(self) -> None:
        """Let a write through. Raises ClaimLost."""
        self._renew()

    def _renew(self) -> None:
        now = self._clock()
        self._ledger.renew(self._claim)
        self._covered_until = now + self._spare_seconds


class ReadOnly:
    """The gate of what runs without a claim: a check, a preview."""

    def before_read(self) -> None:
        """Let a read through."""

    def before_write(self) -> None:
        """Let no write through: it would need a claim."""
        raise PermissionError("only a claimed job may write")
