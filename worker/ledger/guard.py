"""What a worker may do next: no call that claim and throttle do not cover, and no job whose turn it is not."""

from __future__ import annotations

import math
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.jobs.calls import Api
from worker.jobs.errors import ConnectionHeld, LedgerRefuses, LedgerUnavailable, ThrottleUsedUp
from worker.jobs.job import Consent, Kind
from worker.ledger.records import CarryOn

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.job import Job
    from worker.ledger import Claim, Ledger

IPAAS, STAMPED = Api.IPAAS.key, Api.STAMPED.key
PAUSE_SECONDS = 0.2
"""How long a read that belongs to no job waits before it asks for room again."""
LEAST_SECONDS: Final = 1.0
"""The least time to wait that is said to anybody."""


class Guard:
    """The gates of a claimed job, one for each API."""

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
        self.ledger = ledger
        self.claim = claim
        self.spare_seconds = lease_seconds - call_seconds
        self.clock = clock
        self.covered_until = asked_at + self.spare_seconds
        """Until when a call that begins would end within the lease."""
        self.consent = Consent(claim.is_new, claim.created)
        self.source = ApiGate(self, IPAAS, claim.covered.get(IPAAS, math.inf))
        self.store = ApiGate(self, STAMPED, claim.covered.get(STAMPED, math.inf))


@dataclass(slots=True)
class ApiGate:
    """The gate of one API."""

    guard: Guard
    api: str
    covered: float
    """How many more calls the throttle covers; from 0 on, each needs a slot of its own."""

    def before_read(self) -> None:
        """Let a read through. Raises ClaimLost and Throttled.

        The claim is renewed only if the rest of the lease might not cover the call, or the throttle does not: that
        spares most reads a round trip to Redis.
        """
        if self.covered <= 0 or self.guard.clock() >= self.guard.covered_until:
            self._renew(writes=False)
        self.covered -= 1

    def before_write(self) -> None:
        """Let a write through: the claim is always checked and renewed before it. Raises ClaimLost and Throttled.

        A subscription job's write may be what subscribes a new customer: from then on it can unsubscribe, and is new no
        more.
        """
        self._renew(writes=True)
        if self.guard.claim.job.kind is Kind.SUBSCRIPTION:
            self.guard.consent.is_new = False
        self.covered -= 1

    def _renew(self, *, writes: bool) -> None:
        guard = self.guard
        now = guard.clock()  # before the ledger is asked: the lease may begin at any time from now on
        guard.ledger.renew(guard.claim, extra_call="" if self.covered > 0 else self.api, writes=writes)
        guard.covered_until = now + guard.spare_seconds


class ReadOnly:
    """The gate of what runs without a claim: a check, a preview."""

    def before_read(self) -> None:
        """Let a read through."""

    def before_write(self) -> None:
        """Let no write through: it would need a claim."""
        raise PermissionError("only a claimed job may write")


class ThrottledReads(ReadOnly):
    """The gate of reads that belong to no job: each takes its slot of the store's throttle, and waits for one."""

    def __init__(
        self,
        ledger: Ledger,
        system_id: int,
        call_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
        *,
        api: Api = Api.IPAAS,
        until: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`until`, by `clock`, is when nobody waits any longer for a slot."""
        self._ledger = ledger
        self._system_id = system_id
        self._call_seconds = call_seconds
        self._sleep = sleep
        self._api = api
        self._until = until
        self._clock = clock

    def before_read(self) -> None:
        """Wait for a slot. Raises ConnectionHeld, ThrottleUsedUp and LedgerUnavailable.

        Not for the end of a hold, which can be a day away.
        """
        while not self._ledger.book(self._system_id, self._api.key, self._call_seconds):
            self._refuse_where_held()
            if self._clock() >= self._until:
                raise self._used_up()
            self._sleep(PAUSE_SECONDS)

    def _refuse_where_held(self) -> None:
        hold = self._ledger.hold_for(self._system_id, self._api.key)
        if hold:
            because = f"{hold.failure.entry.title} ({hold.code})"
            text = f"until {hold.until:%Y-%m-%d %H:%M:%S} UTC: {because}"
            raise ConnectionHeld(text, retry_after=max(hold.seconds_left, LEAST_SECONDS))

    def _used_up(self) -> ThrottleUsedUp:
        """That there is no slot, and when there is one."""
        seconds = self._ledger.next_slot(self._system_id, self._api.key)
        if seconds is None:
            return ThrottleUsedUp(f"{self._api}: a call is free once jobs that are under way have ended")
        seconds = max(seconds, LEAST_SECONDS)
        return ThrottleUsedUp(f"{self._api}: the next call is free in {seconds:.0f} s", retry_after=seconds)


class LooksAtHeld(ThrottledReads):
    """The gate of reads that find out whether a hold can end, which is not refused by that hold.

    Such a read takes no slot. There are few of them, and no job of the store calls the API meanwhile.
    """

    def before_read(self) -> None:
        """Let it through, or wait for a slot if the store is not held. Raises ThrottleUsedUp and LedgerUnavailable."""
        if not self._ledger.hold_for(self._system_id, self._api.key):
            super().before_read()


class ByHand(ThrottledReads):
    """The gate of what a person tries by hand, which needs no Redis: an integrator does so before anything is started.

    If none answers there is no slot to take. No job runs then either, so nobody else counts the calls.
    """

    is_counted = True
    """Whether its calls take slots."""

    def before_read(self) -> None:
        """Wait for a slot. Raises ConnectionHeld, ThrottleUsedUp and LedgerRefuses."""
        try:
            if self.is_counted:
                super().before_read()
        except LedgerRefuses:
            raise
        except LedgerUnavailable:
            self.is_counted = False


class Carrying:
    """How a thread carries on: it runs the job that its message names, then others, one after the other.

    The step that ends a job grants the next one, which costs no round trip. It is the store's next job, which needs no
    message. While messages wait, a store's turn is some jobs, or some seconds: then it is the oldest message's.
    """

    def __init__(
        self,
        jobs: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        is_wanted: Callable[[], bool] = lambda: False,
    ) -> None:
        """`jobs` and `seconds` are a store's turn. The thread stops as soon as it `is_wanted` for something else."""
        self._jobs, self._seconds = jobs, seconds
        self._clock = clock
        self._is_wanted = is_wanted
        self._system_id = 0
        self._run = 0
        self._began_at = self._asked_at = 0.0
        self.next_claim: Claim | None = None

    def ask(self) -> CarryOn:
        """Note that a job ends, and so asks for the next one; answers how."""
        self._asked_at = self._clock()
        if self._is_wanted():
            return CarryOn.NOT
        is_over = self._run >= self._jobs or self._asked_at >= self._began_at + self._seconds
        return CarryOn.OTHERS if is_over else CarryOn.STORE

    def begin(self, job: Job) -> tuple[Claim, float] | None:
        """Note that a job begins; its claim if it has been granted, and when that was asked for; each claim once."""
        claim, self.next_claim = self.next_claim, None
        if job.system_id != self._system_id:
            self._system_id, self._run, self._began_at = job.system_id, 0, self._clock()
        self._run += 1
        return (claim, self._asked_at) if claim else None


NOT_CARRYING: Final = Carrying(1, 0, is_wanted=lambda: True)
"""A thread that carries on with nothing."""
carrying: ContextVar[Carrying] = ContextVar("carrying", default=NOT_CARRYING)
"""How this thread carries on. Code that sets it also resets it."""
