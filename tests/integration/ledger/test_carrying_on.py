"""The step that ends a job grants the store's next one, on a real Valkey with a clock that the tests move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import VIRTUAL_CLOCK, Clock
from tests.integration.jobs import CALLS, FAILURE, pushed_by, taken
from worker.jobs.job import Action, Job, Kind, Next, State
from worker.jobs.routes import CUSTOMERS
from worker.ledger import Claim, ClaimLost, ClaimRefused, Ended, Ledger, LedgerTimes, Limit, StoreLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

STORE = 1
JOBS = [Job(Kind.CUSTOMER, STORE, str(number)) for number in range(4)]
ENDS: dict[str, Callable[[Ledger, Claim], Ended]] = {
    "complete": lambda ledger, claim: ledger.complete(claim, CALLS, Action.UPDATED, "1", carries_on=True),
    "hand over": lambda ledger, claim: ledger.complete(
        claim, CALLS, Action.UPDATED, "1", Next.SUBSCRIPTION, carries_on=True
    ),
    "fail": lambda ledger, claim: ledger.fail(claim, CALLS, FAILURE, carries_on=True),
    "defer": lambda ledger, claim: ledger.defer(claim, CALLS, 600, FAILURE, carried=False, carries_on=True),
}


def make(client: redis.Redis, clock: Clock, limits: StoreLimits) -> Ledger:  # noqa: ARG001 - the clock must be there
    """A ledger with one store."""
    return Ledger(client, LedgerTimes(45, 30), {STORE: limits}, replaced={"_clock": VIRTUAL_CLOCK})


@pytest.fixture
def narrow(client: redis.Redis, clock: Clock) -> Ledger:
    """A store with one place, and four jobs, of which the first has its message."""
    ledger = make(client, clock, StoreLimits(concurrent=1, stamped=None))
    ledger.request_all(JOBS)
    assert taken(ledger) == JOBS[:1]
    return ledger


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_next_job_is_granted_and_needs_no_message(narrow: Ledger, end: Callable[[Ledger, Claim], Ended]) -> None:
    """It runs with a claim of its own, which is renewed and ended like any other."""
    claim = narrow.claim(JOBS[0])
    ended: list[Ended] = []
    assert pushed_by(narrow, lambda: ended.append(end(narrow, claim))) == []
    following = ended[0].next_claim
    assert following
    assert following.job != claim.job
    assert following.token != claim.token
    with pytest.raises(ClaimRefused):
        narrow.claim(following.job)
    narrow.renew(following, writes=True)
    assert pushed_by(narrow, lambda: narrow.complete(following, CALLS, Action.UPDATED, "1"))
    with pytest.raises(ClaimLost):
        narrow.renew(following)


def test_granted_job_of_a_worker_that_died_is_found_by_its_lease(narrow: Ledger, clock: Clock) -> None:
    """Whether it began, or the answer that granted it was lost."""
    following = ENDS["complete"](narrow, narrow.claim(JOBS[0])).next_claim
    assert following
    clock.advance(44)
    assert narrow.sweep(Kind.CUSTOMER).dead == 0
    clock.advance(1)
    assert narrow.sweep(Kind.CUSTOMER).dead == 1
    with pytest.raises(ClaimLost):
        narrow.renew(following)
    assert pushed_by(narrow, narrow.admit_due) == [following.job]


def test_nothing_is_granted_beyond_the_throttle_or_in_a_hold(client: redis.Redis, clock: Clock) -> None:
    """A granted job takes its slots like any that is let run."""
    ledger = make(client, clock, StoreLimits(concurrent=5, stamped=Limit(2, 10)))
    ledger.request_all(JOBS)
    claim = ledger.claim(JOBS[0])
    clock.advance(5)
    following = ENDS["complete"](ledger, claim).next_claim
    assert following
    assert following.covered == {"stamped": 1}
    clock.advance(4)
    assert ENDS["complete"](ledger, following).next_claim is None
    assert ledger.counts(Kind.CUSTOMER).queued == 2


def test_worker_is_told_whether_messages_wait(narrow: Ledger, client: redis.Redis) -> None:
    """Of whichever store; other data under the queue's name is none, and stops nothing."""
    claim = narrow.claim(JOBS[0])
    following = ENDS["complete"](narrow, claim).next_claim
    assert following
    assert not following.is_awaited
    client.lpush(CUSTOMERS, "a message")
    following = ENDS["complete"](narrow, following).next_claim
    assert following
    assert following.is_awaited
    client.delete(CUSTOMERS)
    client.set(CUSTOMERS, "somebody's")
    following = ENDS["complete"](narrow, following).next_claim
    assert following
    assert not following.is_awaited
    assert narrow.record(following.job).state is State.RUNNING  # type: ignore[union-attr]


def test_two_workers_are_never_granted_the_same_job(client: redis.Redis, clock: Clock) -> None:
    """Each step takes another one."""
    ledger = make(client, clock, StoreLimits(concurrent=2, stamped=None))
    ledger.request_all(JOBS)
    claims = [ledger.claim(job) for job in JOBS[:2]]
    granted = [ENDS["complete"](ledger, claim).next_claim for claim in claims]
    assert {each.job for each in granted if each} == set(JOBS[2:])
    assert [ENDS["complete"](ledger, each).next_claim for each in granted if each] == [None, None]
    assert ledger.counts(Kind.CUSTOMER).done == 4
