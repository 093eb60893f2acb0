"""A store that one process knows and another does not: the other one admits nothing, and spoils no limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.integration.jobs import CALLS, FAILURE, take_message
from worker.jobs.job import Job, Kind, State
from worker.ledger import ClaimRefused, Ledger, LedgerTimes, Limit, StoreLimits, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

SYSTEM = 5000
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
SLOTS = f"stamped-sync:slots:stamped:{SYSTEM}"
LIMITS = StoreLimits(concurrent=2, stamped=Limit(50, 3600), ipaas=Limit(50, 3600))
QUICK = LedgerTimes(lease_seconds=0.01, lost_after_seconds=0.01)


@pytest.fixture
def knowing(client: redis.Redis) -> Ledger:
    """The ledger of a process that knows the store."""
    return Ledger(client, QUICK, {SYSTEM: LIMITS})


@pytest.fixture
def other(client: redis.Redis) -> Ledger:
    """That of one that does not."""
    return Ledger(client, QUICK, {})


def job(number: int = 1) -> Job:
    """A customer job of the store."""
    return Job(Kind.CUSTOMER, SYSTEM, str(number))


def run(ledger: Ledger, asked: Job) -> None:
    """Let a job be asked for and end well."""
    ledger.request(asked)
    take_message(ledger, asked)
    ledger.complete(ledger.claim(asked), CALLS, "created", "143491")


def ends(client: redis.Redis) -> list[float]:
    """For how many more ms each slot of Stamped.io counts; longer than any call's may be endless."""
    now, _ = client.time()
    found: Any = client.zrange(SLOTS, 0, -1, withscores=True)
    return [score - int(now) * 1000 for _, score in found]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda ledger: ledger.sweep(Kind.CUSTOMER),
        lambda ledger: ledger.repair(acts=True),
        lambda ledger: ledger.admit_due(),
    ],
    ids=["sweep", "repair", "pump"],
)
def test_slots_count_for_their_window_whoever_sweeps(
    client: redis.Redis, knowing: Ledger, other: Ledger, spoil: Callable[[Ledger], object]
) -> None:
    """A window of an hour is no stray to who knows nothing of it."""
    run(knowing, job())
    spoil(other)
    (left,) = ends(client)
    assert left > HOUR_MS - 60_000


def test_calls_of_a_lost_worker_count_until_somebody_knows_their_window(
    client: redis.Redis, knowing: Ledger, other: Ledger
) -> None:
    """For the longest that there is; the sweep of who knows it shortens that."""
    knowing.request(job())
    take_message(knowing, job())
    knowing.claim(job())
    parts.eventually(lambda: other.sweep(Kind.CUSTOMER).dead)
    assert ends(client)[0] > DAY_MS - 60_000
    knowing.sweep(Kind.CUSTOMER)
    assert HOUR_MS - 60_000 < ends(client)[0] <= HOUR_MS + 60_000


def test_who_does_not_know_it_admits_nothing_and_leaves_what_comes(
    client: redis.Redis, knowing: Ledger, other: Ledger
) -> None:
    """Each time for longer, and whatever else the store waits for is not delayed."""
    other.request(job())
    assert not client.llen("customers")
    delays = []
    for _ in range(4):
        knowing.admit(SYSTEM)
        take_message(knowing, job())
        with pytest.raises(ClaimRefused):
            other.claim(job())
        now, _ = client.time()
        due: Any = client.zscore("stamped-sync:due", SYSTEM)
        delays.append(round(due / 1000 - int(now)))
    assert delays == sorted(delays)
    assert delays[-1] >= 7
    now, _ = client.time()
    soon = (int(now) + 3) * 1000
    knowing.admit(SYSTEM)
    client.zadd("stamped-sync:due", {str(SYSTEM): soon})
    take_message(knowing, job())
    with pytest.raises(ClaimRefused):
        other.claim(job())
    assert client.zscore("stamped-sync:due", SYSTEM) == soon
    knowing.admit(SYSTEM)
    take_message(knowing, job())
    knowing.complete(knowing.claim(job()), CALLS, "created", "143491")
    assert not client.hexists(knowing.key(job()), "left")


def test_job_whose_store_is_taken_away_gets_no_call_beyond_its_own(client: redis.Redis, knowing: Ledger) -> None:
    """It is put back, and runs when the store is known again."""
    knowing.request(job())
    take_message(knowing, job())
    claim = knowing.claim(job())
    knowing.reconfigure({}, "")
    with pytest.raises(Throttled):
        knowing.renew(claim, extra_call="stamped")
    knowing.put_back(claim, CALLS)
    assert not knowing.book(SYSTEM, "ipaas", 1)
    record = knowing.record(job())
    assert record
    assert record.state is State.QUEUED
    assert client.scard(f"stamped-sync:admitted:{SYSTEM}") == 0


def test_retry_of_an_unknown_store_waits_in_its_queue(client: redis.Redis, knowing: Ledger, other: Ledger) -> None:
    """Its message may come to a worker that does not know it; nothing is lost."""
    knowing.request(job())
    take_message(knowing, job())
    knowing.defer(knowing.claim(job()), CALLS, 0, FAILURE, carried=True)
    with pytest.raises(ClaimRefused, match="queued"):
        other.claim(job())
    knowing.admit(SYSTEM)
    assert client.llen("customers") == 1
