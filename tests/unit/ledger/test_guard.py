"""No call is made that the claim and the throttle do not cover."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest

from tests.unit.clock import Clock
from worker.jobs.calls import Api
from worker.jobs.catalogue import Failure
from worker.jobs.errors import ConnectionHeld, ThrottleUsedUp
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind
from worker.ledger import Claim, ClaimLost, Hold, Throttled
from worker.ledger import Ledger as RealLedger
from worker.ledger.guard import Guard, ReadOnly, ThrottledReads

LEASE_SECONDS, CALL_SECONDS = 45, 35
CLAIM = Claim(
    Job(Kind.CUSTOMER, 4021, "150713"), "token", 1, 0, "0a8e", debug=False, stamped_id=None, covered={"stamped": 2}
)
"""The throttle covers two calls of Stamped.io, and iPaaS.com has none."""


class Ledger:
    """Counts renewals; a claim can be lost, and the throttle be full."""

    def __init__(self) -> None:
        self.renewals = 0
        self.writes = 0
        self.extra_calls: list[str] = []
        self.is_lost = False
        self.is_full = False

    def renew(self, claim: Claim, *, extra_call: str, writes: bool) -> None:
        """Hold the claim for one more call."""
        assert claim.token == CLAIM.token
        self.writes += writes
        if self.is_lost:
            raise ClaimLost
        if extra_call and self.is_full:
            raise Throttled
        self.renewals += 1
        self.extra_calls += filter(None, [extra_call])


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


@pytest.mark.parametrize(("kind", "is_new"), [(Kind.CUSTOMER, True), (Kind.SUBSCRIPTION, False)])
def test_write_of_a_subscription_leaves_nobody_new(ledger: Ledger, kind: Kind, is_new: bool) -> None:
    """Reads do, and the writes of a customer job; the ledger is told which call is one."""
    claim = replace(CLAIM, job=replace(CLAIM.job, kind=kind), is_new=True)
    guard = Guard(cast("RealLedger", ledger), claim, asked_at=0, lease_seconds=45, call_seconds=35, clock=lambda: 60)
    guard.store.before_read()
    assert (guard.consent.is_new, ledger.writes) == (True, 0)
    guard.store.before_write()
    assert (guard.consent.is_new, ledger.writes) == (is_new, 1)


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


@pytest.mark.parametrize("fault", ["is_lost", "is_full"])
def test_call_is_not_let_through_uncovered(guard: Guard, ledger: Ledger, fault: str) -> None:
    """Neither without the claim nor without a slot; the next one needs the same slot again."""
    for _ in range(2):
        guard.store.before_write()
    setattr(ledger, fault, True)
    with pytest.raises((ClaimLost, Throttled)):
        guard.store.before_write()
    setattr(ledger, fault, False)
    guard.store.before_write()
    assert ledger.extra_calls == ["stamped"]


class Store:
    """A ledger whose store has some slots free, and may be held."""

    def __init__(self, free: int = 0, hold: Hold | None = None, next_slot: float | None = None) -> None:
        self.free = free
        self.hold = hold
        self.slot = next_slot
        self.booked: list[tuple[int, str, float]] = []

    def book(self, system_id: int, api: str, call_seconds: float) -> bool:
        """Take a slot."""
        if self.free:
            self.free -= 1
            self.booked.append((system_id, api, call_seconds))
            return True
        return False

    def hold_for(self, system_id: int, api: str) -> Hold | None:
        """The hold."""
        assert (system_id, api) == (4021, "stamped")
        return self.hold

    def next_slot(self, system_id: int, api: str) -> float | None:
        """Seconds until a slot is free."""
        assert (system_id, api) == (4021, "stamped")
        return self.slot


def unhurried(store: Store, clock: Clock, patience: float = math.inf) -> ThrottledReads:
    """A gate of Stamped.io behind which somebody waits."""

    def sleep(seconds: float) -> None:
        clock.now += seconds

    ledger, until = cast("RealLedger", store), clock() + patience
    return ThrottledReads(ledger, 4021, CALL_SECONDS, sleep, api=Api.STAMPED, until=until, clock=clock)


def test_read_of_no_job_takes_a_slot_of_its_api(clock: Clock) -> None:
    """For as long as the call may take."""
    store = Store(free=2)
    gate = unhurried(store, clock)
    gate.before_read()
    gate.before_read()
    assert store.booked == [(4021, "stamped", CALL_SECONDS)] * 2


def test_used_up_throttle_is_told_once_nobody_waits_any_longer(clock: Clock) -> None:
    """With the API, and when there is a slot."""
    began = clock()
    with pytest.raises(ThrottleUsedUp, match=r"Stamped\.io: the next call is free in 12 s") as raised:
        unhurried(Store(next_slot=12), clock, patience=20).before_read()
    assert (clock() - began >= 20, raised.value.intent) == (True, Intent.STORES)
    assert raised.value.retry_after == 12


def test_used_up_throttle_of_jobs_under_way_has_no_time(clock: Clock) -> None:
    """Nobody knows when they end."""
    with pytest.raises(ThrottleUsedUp, match="once jobs that are under way have ended"):
        unhurried(Store(), clock, patience=1).before_read()


def test_slot_that_is_free_in_time_is_waited_for(clock: Clock) -> None:
    """However late somebody asks, the first look is free."""
    store = Store(free=1)
    unhurried(store, clock, patience=0).before_read()
    assert len(store.booked) == 1


@pytest.mark.parametrize("patience", [20, math.inf])
def test_end_of_a_hold_is_not_waited_for(clock: Clock, patience: float) -> None:
    """It can be a day away; whoever can wait is told how long by Redis' clock, whatever this machine's is, and why."""
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    hold = Hold(4021, Failure("stamped-credentials-refused", 401), long_ago, long_ago, seconds_left=3600)
    began = clock()
    with pytest.raises(ConnectionHeld, match=r"UTC: .*\(stamped-credentials-refused\)") as raised:
        unhurried(Store(hold=hold), clock, patience).before_read()
    assert clock() == began
    assert raised.value.retry_after == 3600


def test_without_a_claim_everything_can_be_read_and_nothing_written() -> None:
    """A preview and a check can't change anything, whatever they call."""
    gate = ReadOnly()
    gate.before_read()
    with pytest.raises(PermissionError):
        gate.before_write()
