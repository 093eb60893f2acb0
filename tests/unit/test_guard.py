"""No call is made that the claim and the throttle do not cover."""

from __future__ import annotations

from typing import cast

import pytest

from worker.guard import Guard, ReadOnly
from worker.job import Job, Kind
from worker.ledger import Claim, ClaimLost, Throttled
from worker.ledger import Ledger as RealLedger

LEASE_SECONDS, CALL_SECONDS = 45, 35
CLAIM = Claim(
    Job(Kind.CUSTOMER, 4021, "150713"), "token", 1, 0, "0a8e", debug=False, stamped_id=None, covered={"stamped": 2}
)
"""The throttle covers two calls of Stamped.io, and iPaaS.com has none."""


class Ledger:
    """Counts renewals; a claim can be lost, and the throttle be full."""

    def __init__(self) -> None:
        self.renewals = 0
        self.extra_calls: list[str] = []
        self.is_lost = False
        self.is_full = False

    def renew(self, claim: Claim, *, extra_call: str) -> None:
        """Hold the claim for one more call."""
        assert claim is CLAIM
        if self.is_lost:
            raise ClaimLost
        if extra_call and self.is_full:
            raise Throttled
        self.renewals += 1
        self.extra_calls += filter(None, [extra_call])


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def ledger() -> Ledger:
    """A ledger that holds the claim."""
    return Ledger()


@pytest.fixture
def clock() -> Clock:
    """The guard's clock."""
    return Clock()


@pytest.fixture
def guard(ledger: Ledger, clock: Clock) -> Guard:
    """The guard of a job that has just been claimed."""
    return Guard(
        cast("RealLedger", ledger),
        CLAIM,
        asked_at=clock(),
        lease_seconds=LEASE_SECONDS,
        call_seconds=CALL_SECONDS,
        clock=clock,
    )


def test_every_write_renews_the_claim(guard: Guard, ledger: Ledger) -> None:
    """The claim is checked just before each write, however fresh it is."""
    for gate in (guard.source, guard.store, guard.store):
        gate.before_write()
    assert (ledger.renewals, ledger.extra_calls) == (3, [])


@pytest.mark.parametrize(("waited", "renewals"), [(0, 0), (9.9, 0), (10, 1), (60, 1)])
def test_read_renews_only_what_would_not_last(
    guard: Guard, ledger: Ledger, clock: Clock, waited: float, renewals: int
) -> None:
    """A read is let through without Redis while the rest of the lease covers a whole call."""
    clock.now += waited
    guard.source.before_read()
    assert ledger.renewals == renewals


def test_renewal_covers_the_reads_behind_it(guard: Guard, ledger: Ledger, clock: Clock) -> None:
    """A read behind a write needs no renewal of its own, until its time is up again."""
    clock.now += 100
    guard.store.before_write()
    guard.source.before_read()
    assert ledger.renewals == 1
    clock.now += LEASE_SECONDS - CALL_SECONDS
    guard.source.before_read()
    assert ledger.renewals == 2


def test_lost_claim_lets_no_write_through(guard: Guard, ledger: Ledger) -> None:
    """The job is another worker's: nothing more may be written."""
    ledger.is_lost = True
    with pytest.raises(ClaimLost):
        guard.store.before_write()


def test_lost_claim_lets_no_late_read_through(guard: Guard, ledger: Ledger, clock: Clock) -> None:
    """A read that is not covered finds out that the claim is lost."""
    ledger.is_lost = True
    clock.now += LEASE_SECONDS
    with pytest.raises(ClaimLost):
        guard.source.before_read()


def test_call_beyond_those_of_the_throttle_needs_a_slot(guard: Guard, ledger: Ledger) -> None:
    """Whether it reads or writes: the ledger is asked for one, for its API."""
    for _ in range(3):
        guard.store.before_read()
    guard.store.before_write()
    assert ledger.extra_calls == ["stamped", "stamped"]


def test_api_without_a_throttle_needs_no_slots(guard: Guard, ledger: Ledger) -> None:
    """Its calls are not bounded, and its reads need no Redis."""
    for _ in range(50):
        guard.source.before_read()
    assert ledger.renewals == 0


def test_calls_are_counted_for_the_throttle(guard: Guard) -> None:
    """Those of each API, so that the slots that were not used can be given back."""
    guard.source.before_read()
    guard.source.before_write()
    guard.store.before_write()
    assert guard.calls == {"stamped": 1, "ipaas": 2}


@pytest.mark.parametrize("fault", ["is_lost", "is_full"])
def test_call_that_is_not_let_through_is_not_counted(guard: Guard, ledger: Ledger, fault: str) -> None:
    """It is never made: neither without the claim nor without a slot."""
    for _ in range(2):
        guard.store.before_write()
    setattr(ledger, fault, True)
    with pytest.raises((ClaimLost, Throttled)):
        guard.store.before_write()
    assert guard.calls == {"stamped": 2, "ipaas": 0}


def test_without_a_claim_everything_can_be_read_and_nothing_written() -> None:
    """A preview and a check can't change anything, whatever they call."""
    gate = ReadOnly()
    gate.before_read()
    with pytest.raises(PermissionError):
        gate.before_write()
