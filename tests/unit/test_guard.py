"""No call is made that the claim does not cover."""

from __future__ import annotations

from typing import cast

import pytest

from worker.guard import Guard, ReadOnly
from worker.job import Job, Kind
from worker.ledger import Claim, ClaimLost
from worker.ledger import Ledger as RealLedger

LEASE_SECONDS, CALL_SECONDS = 45, 35
CLAIM = Claim(Job(Kind.CUSTOMER, 4021, "150713"), "token", 1, 0, "0a8e", debug=False, stamped_id=None)


class Ledger:
    """Counts renewals; a claim can be lost."""

    def __init__(self) -> None:
        self.renewals = 0
        self.is_lost = False

    def renew(self, claim: Claim) -> None:
        """Hold the claim for one more call."""
        assert claim is CLAIM
        if self.is_lost:
            raise ClaimLost
        self.renewals += 1


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
    for _ in range(3):
        guard.before_write()
    assert ledger.renewals == 3


@pytest.mark.parametrize(("waited", "renewals"), [(0, 0), (9.9, 0), (10, 1), (60, 1)])
def test_read_renews_only_what_would_not_last(
    guard: Guard, ledger: Ledger, clock: Clock, waited: float, renewals: int
) -> None:
    """A read is let through without Redis while the rest of the lease covers a whole call."""
    clock.now += waited
    guard.before_read()
    assert ledger.renewals == renewals


def test_renewal_covers_the_reads_behind_it(guard: Guard, ledger: Ledger, clock: Clock) -> None:
    """A read behind a write needs no renewal of its own, until its time is up again."""
    clock.now += 100
    guard.before_write()
    guard.before_read()
    assert ledger.renewals == 1
    clock.now += LEASE_SECONDS - CALL_SECONDS
    guard.before_read()
    assert ledger.renewals == 2


def test_lost_claim_lets_no_write_through(guard: Guard, ledger: Ledger) -> None:
    """The job is another worker's: nothing more may be written."""
    ledger.is_lost = True
    with pytest.raises(ClaimLost):
        guard.before_write()


def test_lost_claim_lets_no_late_read_through(guard: Guard, ledger: Ledger, clock: Clock) -> None:
    """A read that is not covered finds out that the claim is lost."""
    ledger.is_lost = True
    clock.now += LEASE_SECONDS
    with pytest.raises(ClaimLost):
        guard.before_read()


def test_without_a_claim_everything_can_be_read_and_nothing_written() -> None:
    """A preview and a check can't change anything, whatever they call."""
    gate = ReadOnly()
    gate.before_read()
    with pytest.raises(PermissionError):
        gate.before_write()
