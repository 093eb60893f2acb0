"""Follows jobs that were requested until each has ended, or rests for long."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from worker.cli.outcome import Outcome
from worker.jobs.job import Job, Kind, State
from worker.jobs.pages import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.ledger import Counts, Hold, Record

LONG_REST: Final = timedelta(minutes=1)
"""A job that rests longer for its next try, or whose store is held longer, is reported as waiting, not waited for."""
MANY_RESTS: Final = 3
"""So is a job that rests for this many times in a row, however short each rest is."""
NOT_STARTED: Final = {State.QUEUED, State.SENT}
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 1.0
PAUSE_GROWTH: Final = 1.5
PATIENCE_SECONDS: Final = 15
"""How long no job may start before somebody is asked to look for the worker."""


class Jobs(Protocol):
    """What a follower needs of the ledger."""

    def records(self, jobs: Sequence[Job]) -> list[Record | None]:
        """Many jobs."""

    def counts(self, kind: Kind) -> Counts:
        """How many jobs of a kind stand where."""

    def hold_of(self, system_id: int) -> Hold | None:
        """The hold of one store, or None."""


class Follower:
    """Customer jobs of one connection, each at its requested version, with the subscription jobs behind them."""

    def __init__(self, ledger: Jobs, system_id: int, versions: dict[str, int]) -> None:
        self._ledger = ledger
        self._system_id = system_id
        self._customers = versions
        self._subscriptions: dict[str, tuple[Outcome, int]] = {}
        self._has_seen_work = False
        self.hold: Hold | None = None
        """The hold of the connection, at the last look."""

    @property
    def remaining(self) -> int:
        """How many customers are still followed."""
        return len(self._customers) + len(self._subscriptions)

    def seems_idle(self) -> bool:
        """Whether none of the jobs was ever seen to start, and messages are there that nobody takes."""
        counts = [self._ledger.counts(kind) for kind in Kind]
        is_untaken = any(each.sent for each in counts) and not any(each.running for each in counts)
        return not self._has_seen_work and is_untaken

    def look(self) -> Iterator[list[Outcome]]:
        """The customers that have ended since the last look: each one's job, then its subscription job, if any."""
        self.hold = self._ledger.hold_of(self._system_id)
        yield from self._customers_ended()
        yield from self._subscriptions_ended()

    def _customers_ended(self) -> Iterator[list[Outcome]]:
        for page in pages(tuple(self._customers)):
            records = self._records(Kind.CUSTOMER, page)
            for customer_id, (job, record) in zip(page, records.items(), strict=True):
                if not has_ended(record, self._customers[customer_id], self.hold):
                    continue
                del self._customers[customer_id]
                outcome = Outcome.of(job, record, self.hold)
                if record and record.state is State.DONE and record.subscription_version:
                    self._subscriptions[customer_id] = outcome, record.subscription_version
                else:
                    yield [outcome]
            if all(record and record.state in NOT_STARTED for record in records.values()):
                return  # the queue is first in, first out: those behind have not started either
            self._has_seen_work = True

    def _subscriptions_ended(self) -> Iterator[list[Outcome]]:
        for page in pages(tuple(self._subscriptions)):
            records = self._records(Kind.SUBSCRIPTION, page)
            for customer_id, (job, record) in zip(page, records.items(), strict=True):
                customer, version = self._subscriptions[customer_id]
                if has_ended(record, version, self.hold):
                    del self._subscriptions[customer_id]
                    yield [customer, Outcome.of(job, record, self.hold)]

    def _records(self, kind: Kind, customer_ids: list[str]) -> dict[Job, Record | None]:
        jobs = [Job(kind, self._system_id, each) for each in customer_ids]
        return dict(zip(jobs, self._ledger.records(jobs), strict=True))


def has_ended(record: Record | None, version: int, hold: Hold | None) -> bool:
    """Whether there is nothing more to wait for: the job is settled, rests or is held for long, or is not there."""
    if record is None:
        return True
    if record.has_settled(version):
        return True
    if record.state is State.QUEUED:
        return hold is not None and not hold.is_over and hold.until - hold.since > LONG_REST
    if record.state is not State.WAITING or record.due is None or record.changed_at is None:
        return False
    if max(record.met, record.attempt - 1) >= MANY_RESTS:
        return True
    return record.due - record.changed_at > LONG_REST  # both by Redis' clock, whatever this machine's says


def follow(
    follower: Follower,
    tell_idle: Callable[[], None],
    tell_held: Callable[[Hold], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[Outcome]]:
    """Each customer's outcomes as soon as all are known.

    `tell_idle` is called once where no worker seems to run, `tell_held` when the connection is seen to be held.
    """
    is_held = False
    ask_at: float | None = clock() + PATIENCE_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while True:
        before = follower.remaining
        yield from follower.look()
        if not follower.remaining:
            return
        if follower.hold and not is_held:
            tell_held(follower.hold)
        is_held = follower.hold is not None
        if ask_at is not None and clock() >= ask_at:
            ask_at = None
            if follower.seems_idle():
                tell_idle()
        has_moved = follower.remaining < before
        pause = FIRST_PAUSE_SECONDS if has_moved else min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
        sleep(pause)
