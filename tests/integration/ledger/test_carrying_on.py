"""The step that ends a job grants the next one, on a real Valkey with a clock that the tests move."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import VIRTUAL_CLOCK, Clock
from tests.integration.jobs import CALLS, FAILURE, pushed_by, taken
from worker.jobs.job import Action, Job, Kind, Next, State
from worker.jobs.retries import Pause
from worker.jobs.routes import CUSTOMERS, SUBSCRIPTIONS, UPKEEP
from worker.ledger import Claim, ClaimLost, ClaimRefused, Ended, Ledger, LedgerTimes, Limit, StoreLimits, Weight
from worker.ledger.records import CarryOn

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

STORE, OTHER = 1, 2
JOBS = [Job(Kind.CUSTOMER, STORE, str(number)) for number in range(4)]
OTHERS = [Job(Kind.CUSTOMER, OTHER, str(number)) for number in range(2)]
ENDS: dict[str, Callable[[Ledger, Claim], Ended]] = {
    "complete": lambda ledger, claim: ledger.complete(claim, CALLS, Action.UPDATED, "1", carry_on=CarryOn.STORE),
    "hand over": lambda ledger, claim: ledger.complete(
        claim, CALLS, Action.UPDATED, "1", Next.SUBSCRIPTION, carry_on=CarryOn.STORE
    ),
    "fail": lambda ledger, claim: ledger.fail(claim, CALLS, FAILURE, carry_on=CarryOn.STORE),
    "defer": lambda ledger, claim: ledger.defer(claim, CALLS, 600, FAILURE, carried=False, carry_on=CarryOn.STORE),
}


OTHERS_ENDS: dict[str, Callable[[Ledger, Claim], Ended]] = {
    "complete": lambda ledger, claim: ledger.complete(claim, CALLS, Action.UPDATED, "1", carry_on=CarryOn.OTHERS),
    "fail": lambda ledger, claim: ledger.fail(claim, CALLS, FAILURE, carry_on=CarryOn.OTHERS),
    "defer": lambda ledger, claim: ledger.defer(claim, CALLS, 600, FAILURE, carried=False, carry_on=CarryOn.OTHERS),
}


def message_ids(client: redis.Redis) -> list[str]:
    """The ids of the customers' messages, the oldest first."""
    texts: Any = client.lrange(CUSTOMERS, 0, -1)
    return [json.loads(text)["headers"]["id"] for text in reversed(texts)]


def make(client: redis.Redis, clock: Clock, *limits: StoreLimits) -> Ledger:  # noqa: ARG001 - the clock must be there
    """A ledger with so many stores."""
    return Ledger(client, LedgerTimes(45, 30), dict(enumerate(limits, STORE)), replaced={"_clock": VIRTUAL_CLOCK})


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


@pytest.fixture
def two_stores(client: redis.Redis, clock: Clock) -> Ledger:
    """A store in whose only place a job runs, and three wait; and one whose two messages wait."""
    ledger = make(client, clock, *(StoreLimits(concurrent=count, stamped=None) for count in (1, 2)))
    ledger.request_all(JOBS)
    assert taken(ledger) == JOBS[:1]
    ledger.request_all(OTHERS)
    return ledger


@pytest.mark.parametrize("end", OTHERS_ENDS.values(), ids=OTHERS_ENDS)
def test_oldest_message_is_taken_once_it_is_anothers_turn(
    two_stores: Ledger, client: redis.Redis, end: Callable[[Ledger, Claim], Ended]
) -> None:
    """Its job is granted with the message's id, and its own store's next one gets a message behind it."""
    oldest = message_ids(client)[0]
    following = end(two_stores, two_stores.claim(JOBS[0])).next_claim
    assert following
    assert (following.job, following.message_id) == (OTHERS[0], oldest)
    assert oldest not in message_ids(client)
    with pytest.raises(ClaimRefused, match="running"):
        two_stores.claim(OTHERS[0])
    two_stores.renew(following, writes=True)
    following = OTHERS_ENDS["complete"](two_stores, following).next_claim
    assert following
    assert following.job == OTHERS[1]
    following = OTHERS_ENDS["complete"](two_stores, following).next_claim
    assert following
    assert following.job.system_id == STORE
    assert client.hget(two_stores.key(following.job), "messages") is None


def test_stores_turn_goes_before_a_message(two_stores: Ledger) -> None:
    """And once it has no job that may run, the message's comes."""
    granted = [two_stores.claim(JOBS[0])]
    while (following := ENDS["complete"](two_stores, granted[-1]).next_claim) and following.job.system_id == STORE:
        granted.append(following)
    assert [claim.job for claim in granted] == JOBS
    assert following
    assert following.job == OTHERS[0]


def test_store_goes_on_if_nobody_waits(narrow: Ledger) -> None:
    """Its turn is over, but no message is there: it needs none either."""
    following = OTHERS_ENDS["complete"](narrow, narrow.claim(JOBS[0])).next_claim
    assert following
    assert (following.job.system_id, following.message_id) == (STORE, "")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (r"^.*$", "a message"),
        (r'"origin": "ledger"', '"origin": "gen1@listener"'),
        (r"stamped\.transfer_customer", "stamped.catch_up"),
        (r"'0'\)", "'0', True)"),
        (r"\(2, ", "(7, "),
        (r'"origin": "ledger"', '"task": "a", "id": "1", "argsrepr": "(2, \'0\')", ' * 2000),
    ],
)
def test_message_of_anybody_else_is_left_for_celery_in_its_turn(
    two_stores: Ledger, client: redis.Redis, ours: str, theirs: str
) -> None:
    """The worker then carries on with nothing, so that its thread is free."""
    oldest: Any = client.rpop(CUSTOMERS)
    client.rpush(CUSTOMERS, re.sub(ours, theirs, oldest))
    assert OTHERS_ENDS["complete"](two_stores, two_stores.claim(JOBS[0])).next_claim is None
    assert client.lindex(CUSTOMERS, -1) == re.sub(ours, theirs, oldest)


def test_message_whose_job_may_not_run_is_left_for_celery(two_stores: Ledger, client: redis.Redis) -> None:
    """Its claim is refused there, which puts its job where it belongs."""
    held = two_stores.claim(OTHERS[1])
    assert two_stores.hold(held, CALLS, FAILURE, Pause(60, 60)).weight is Weight.REQUEUED
    before = message_ids(client)
    assert OTHERS_ENDS["complete"](two_stores, two_stores.claim(JOBS[0])).next_claim is None
    assert message_ids(client)[: len(before)] == before
    with pytest.raises(ClaimRefused, match="queued"):
        two_stores.claim(OTHERS[0])


def test_worker_is_free_for_what_waits_in_front(narrow: Ledger, client: redis.Redis) -> None:
    """A trigger, the schedule or a debug job waits for no backlog."""
    client.lpush(UPKEEP, "a message")
    claim = narrow.claim(JOBS[0])
    ended: list[Ended] = []
    assert len(pushed_by(narrow, lambda: ended.append(ENDS["complete"](narrow, claim)))) == 1
    assert ended[0].next_claim is None


@pytest.mark.parametrize("name", [UPKEEP, CUSTOMERS, SUBSCRIPTIONS])
def test_other_data_under_a_queues_name_holds_nobody_up(narrow: Ledger, client: redis.Redis, name: str) -> None:
    """No message waits there; the pump is the one who says so."""
    claim = narrow.claim(JOBS[0])
    client.delete(name)
    client.set(name, "somebody's")
    following = OTHERS_ENDS["complete"](narrow, claim).next_claim
    assert following
    assert narrow.record(following.job).state is State.RUNNING  # type: ignore[union-attr]


def test_neither_kind_of_jobs_waits_for_the_other(client: redis.Redis, clock: Clock) -> None:
    """Behind a job of one kind comes a message of the other."""
    ledger = make(client, clock, StoreLimits(concurrent=50, stamped=None))
    ledger.request_all([Job(kind, STORE, str(number)) for kind in Kind for number in range(4)])
    claim: Claim | None = ledger.claim(JOBS[0])
    kinds = []
    while claim:
        kinds.append(claim.job.kind)
        claim = OTHERS_ENDS["complete"](ledger, claim).next_claim
    # The message of the first is still there, and its job is done: a worker stops at it.
    assert kinds[:2] == [Kind.CUSTOMER, Kind.SUBSCRIPTION]


def test_two_workers_are_never_granted_the_same_job(client: redis.Redis, clock: Clock) -> None:
    """Each step takes another one."""
    ledger = make(client, clock, StoreLimits(concurrent=2, stamped=None))
    ledger.request_all(JOBS)
    claims = [ledger.claim(job) for job in JOBS[:2]]
    granted = [ENDS["complete"](ledger, claim).next_claim for claim in claims]
    assert {each.job for each in granted if each} == set(JOBS[2:])
    assert [ENDS["complete"](ledger, each).next_claim for each in granted if each] == [None, None]
    assert ledger.counts(Kind.CUSTOMER).done == 4
