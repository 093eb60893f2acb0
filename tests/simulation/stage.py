"""The stage: who is acting, at what time, and what has been noted of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.chance import Chance, Fault
from worker.effects import Effect, Moment
from worker.ledger import LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.actors import Actor
    from tests.simulation.clock import VirtualClock

RENEWED_MS = 9_000
"""From the renewal of a claim to the call that it is for: with the bound of a call less than the lease. Nothing helps a
process that is stopped between the two for longer."""
BOOKED_MS = 100
"""From the booking of a slot for a call of no job to that call: the slot counts for a call's bound and a window."""
BOUNDS_MS = {Effect.RENEW: RENEWED_MS, Effect.BOOK: BOOKED_MS}
AT_ONCE = {Effect.SWEEP, Effect.ADMIT}
"""What needs no pause before it, as nothing went before."""
FREEZE_SECONDS = (1, 10, 40, 50, 90, 200)


class Stage:
    """What all parts of one world share."""

    def __init__(self, clock: VirtualClock, chance: Chance, trace: Callable[[str], None] | None = None) -> None:
        self.clock = clock
        self.chance = chance
        self.actor: Actor | None = None
        """Who acts now; None while the scheduler itself does."""
        self.violations: list[str] = []
        self._trace = trace

    def note(self, event: str) -> None:
        """Add a line to the trace."""
        if self._trace:
            who = self.actor.name if self.actor else "world"
            self._trace(f"{(self.clock.now_ms - 1_800_000_000_000) / 1000:10.3f}  {who:<22} {event}")

    def violated(self, what: str) -> None:
        """Note that something happened, or is, that never may."""
        self.note(f"VIOLATION: {what}")
        self.violations.append(what)

    def pause(self, place: str, *, within_ms: int | None = None) -> None:
        """Let others act; `within_ms` bounds how long this one may be kept. Raises Killed."""
        actor = self.actor
        if actor is None:
            return
        if within_ms is not None:
            actor.deadline = self.clock.now_ms + within_ms
        elif actor.deadline is None and self.chance.strikes(Fault.WORKER_PAUSED):
            actor.frozen_until = self.clock.now_ms + 1000 * self.chance.random.choice(FREEZE_SECONDS)
            self.note(f"is paused at {place} for {(actor.frozen_until - self.clock.now_ms) // 1000} s")
        actor.pause(place)

    def sleep(self, seconds: float) -> None:
        """Let whoever acts wait for so long, while others act. Raises Killed."""
        if self.actor:
            self.actor.frozen_until = self.clock.now_ms + int(seconds * 1000)
            self.actor.pause(f"waits for {seconds:.1f} s")

    def witness(self, effect: Effect, moment: Moment) -> None:
        """Before and after each side effect others may act, and the ledger's answer may be lost. Raises Killed."""
        if self.actor is None:
            return
        if effect in AT_ONCE and moment is Moment.BEFORE:
            return
        if self.chance.strikes(Fault.LEDGER_SILENT):
            self.note(f"gets no answer from Redis, {moment} {effect}")
            raise LedgerUnavailable("ConnectionError")
        if moment is Moment.AFTER:
            self.note(str(effect))
        self.pause(f"{moment} {effect}", within_ms=BOUNDS_MS.get(effect) if moment is Moment.AFTER else None)
        self.actor.deadline = None
