"""A store's throttle, its concurrency and its holds, on a real Valkey with a clock that the tests move."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.conftest import VIRTUAL_CLOCK, Clock
from tests.integration.jobs import admitted, calls_of, pushed_by
from worker.jobs.catalogue import Failure
from worker.jobs.job import Action, Job, Kind, Next, State
from worker.jobs.retries import Pause
from worker.ledger import Claim, ClaimRefused, Ledger, LedgerTimes, Limit, StoreLimits, Throttled, Weight

if TYPE_CHECKING:
    import redis

USED = calls_of(2, 1)
FAILURE = Failure("customer-write-failed", 503)
OUTAGE = Pause(seconds=5, longest_seconds=600, strikes=3)
REFUSED = Pause(seconds=5, longest_seconds=600)


def make(client: redis.Redis, clock: Clock, **stores: StoreLimits) -> Ledger:  # noqa: ARG001 - the clock must be there
    """A ledger for stores named like `store_1`."""
    limits = {int(name.removeprefix("store_")): store for name, store in stores.items()}
    return Ledger(client, LedgerTimes(45, 30), limits, replaced={"_clock": VIRTUAL_CLOCK})


def jobs(count: int, system_id: int = 1) -> list[Job]:
    """So many customer jobs of a store."""
    return [Job(Kind.CUSTOMER, system_id, str(number)) for number in range(count)]


def sent(ledger: Ledger, wanted: list[Job]) -> list[Job]:
    """Ask for jobs; those that may run at once."""
    return pushed_by(ledger, lambda: ledger.request_all(wanted))


def more(ledger: Ledger) -> int:
    """How many more jobs the pump lets run."""
    return len(admitted(ledger, 1))


def hand_over(ledger: Ledger, claim: Claim) -> None:
    """End a job well; a customer job with a subscription job."""
    next_step = Next.SUBSCRIPTION if claim.job.kind is Kind.CUSTOMER else Next.NOTHING
    ledger.complete(claim, USED, Action.UPDATED, "1", next_step)


def done(ledger: Ledger, job: Job) -> Claim:
    """Run a job well."""
    claim = ledger.claim(job)
    ledger.complete(claim, USED, Action.UPDATED, "1")
    return claim


def test_store_gets_no_more_jobs_at_a_time_than_it_allows(client: redis.Redis, clock: Clock) -> None:
    """With `concurrent` jobs under way the others wait; each that ends lets the next one run."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=2, stamped=None))
    first, second = sent(ledger, jobs(5))
    claim = ledger.claim(first)
    assert pushed_by(ledger, lambda: ledger.complete(claim, USED, Action.UPDATED, "1")) == jobs(3)[2:]
    assert ledger.claim(second).job == second
    assert ledger.counts(Kind.CUSTOMER).queued == 2


def test_killed_holder_frees_its_place(client: redis.Redis, clock: Clock) -> None:
    """A place of a worker that was killed is free once its lease has run out."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=1, stamped=None))
    ledger.claim(sent(ledger, jobs(2))[0])
    clock.advance(46)
    assert more(ledger) == 0
    ledger.sweep(Kind.CUSTOMER)
    assert more(ledger) == 1


def test_no_window_holds_more_calls_than_the_limit(client: redis.Redis, clock: Clock) -> None:
    """A call counts until a window after it has ended, whenever the store got it."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=10, stamped=Limit(3, 10)))
    running = [ledger.claim(job) for job in sent(ledger, jobs(6))]
    for _ in range(3):
        clock.advance(4)
        running += [ledger.claim(job) for job in admitted(ledger, 1)]
    assert len(running) == 3
    for claim in running:
        ledger.complete(claim, USED, Action.UPDATED, "1")
    assert (ledger.admit(1), ledger.counts(Kind.CUSTOMER).sent) == (10.0, 0)
    clock.advance(9)
    assert more(ledger) == 0
    clock.advance(1)
    assert more(ledger) == 1


def test_slots_that_were_not_used_are_given_back(client: redis.Redis, clock: Clock) -> None:
    """A job that ended before its call to the store leaves the slot to another at once."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=10, stamped=Limit(1, 10)))
    (job,) = sent(ledger, jobs(2))
    claim = ledger.claim(job)
    assert pushed_by(ledger, lambda: ledger.fail(claim, calls_of(1, 0), Failure("email-missing"))) == jobs(2)[1:]


def test_throttled_job_takes_no_thread(client: redis.Redis, clock: Clock) -> None:
    """A retry that Celery brings back while the throttle is full waits for its turn in the ledger."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=10, stamped=Limit(1, 60)))
    (job,) = sent(ledger, jobs(1))
    ledger.defer(ledger.claim(job), USED, 1, FAILURE, carried=True)
    clock.advance(1)
    with pytest.raises(ClaimRefused) as refused:
        ledger.claim(job)
    assert refused.value.state == State.QUEUED
    clock.advance(59)
    assert more(ledger) == 1


def test_call_beyond_the_usual_needs_a_slot_of_its_own(client: redis.Redis, clock: Clock) -> None:
    """Without one the job waits again, and then gets all the slots that it came to need."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=10, stamped=Limit(2, 10)))
    (first,) = sent(ledger, jobs(2))
    claim = ledger.claim(first)
    assert claim.covered == {"stamped": 1}
    clock.advance(5)
    (second,) = admitted(ledger, 1)
    with pytest.raises(Throttled):
        ledger.renew(claim, extra_call="stamped")
    ledger.put_back(claim, USED)
    done(ledger, second)
    clock.advance(10)
    assert more(ledger) == 1
    assert ledger.claim(first).covered == {"stamped": 2}


def test_reads_of_the_source_have_a_throttle_of_their_own(client: redis.Redis, clock: Clock) -> None:
    """iPaaS.com's limit is kept as well as Stamped.io's."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=10, stamped=None, ipaas=Limit(6, 10)))
    assert len(sent(ledger, jobs(5))) == 1
    clock.advance(5)
    assert more(ledger) == 1
    clock.advance(4)
    assert more(ledger) == 0


def test_one_store_does_not_wait_for_another(client: redis.Redis, clock: Clock) -> None:
    """A store with a long queue sends no more messages than it may get, so another's trigger finds a short queue."""
    few = StoreLimits(concurrent=2, stamped=None)
    ledger = make(client, clock, store_1=few, store_2=few)
    assert len(sent(ledger, jobs(1000))) == 2
    assert sent(ledger, jobs(1, 2)) == jobs(1, 2)


def test_customers_and_subscriptions_take_turns(client: redis.Redis, clock: Clock) -> None:
    """Neither kind waits for all of the other."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=1, stamped=None))
    (job,) = sent(ledger, jobs(10))
    ran = []
    for _ in range(6):
        ran.append(job.kind)
        (job,) = pushed_by(ledger, partial(hand_over, ledger, ledger.claim(job)))
    assert set(ran[1:3]) == set(ran[3:5]) == {Kind.CUSTOMER, Kind.SUBSCRIPTION}


def test_too_many_calls_hold_the_store(client: redis.Redis, clock: Clock) -> None:
    """429 holds the whole store for Retry-After and costs no attempt; then one job tries first."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=3, stamped=None))
    running = [ledger.claim(job) for job in sent(ledger, jobs(5))]
    held = [ledger.hold(claim, USED, FAILURE, Pause(30, 30)) for claim in running]
    assert [(each.is_requeued, each.hold_began) for each in held] == [(True, True), (True, False), (True, False)]
    clock.advance(29)
    assert (ledger.admit(1), ledger.counts(Kind.CUSTOMER).sent) == (1.0, 0)
    clock.advance(1)
    (job,) = admitted(ledger, 1)
    claim = ledger.claim(job)
    assert claim.attempt == 0
    assert ledger.complete(claim, USED, Action.UPDATED, "1").hold_ended
    assert ledger.counts(Kind.CUSTOMER).sent == 3
    assert ledger.holds() == []


def test_outage_is_seen_after_some_errors_in_a_row(client: redis.Redis, clock: Clock) -> None:
    """One error is its job's own; the third in a row holds the store, longer each time."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=3, stamped=None))
    one, two, three = (ledger.claim(job) for job in sent(ledger, jobs(3)))
    assert not ledger.hold(one, USED, FAILURE, OUTAGE).is_requeued
    assert not ledger.hold(two, USED, FAILURE, OUTAGE).is_requeued
    third = ledger.hold(three, USED, FAILURE, OUTAGE)
    assert (third.is_requeued, third.hold_began) == (True, True)
    for seconds in (10, 20, 40):
        (hold,) = ledger.holds()
        clock.advance(int((hold.until - hold.since).total_seconds()) + 600)
        ledger.sweep(Kind.CUSTOMER)
        job, *_ = admitted(ledger, 1)
        ledger.hold(ledger.claim(job), USED, FAILURE, OUTAGE)
        assert (ledger.admit(1), ledger.counts(Kind.CUSTOMER).sent) == (float(seconds), 0)


def test_success_between_errors_is_no_outage(client: redis.Redis, clock: Clock) -> None:
    """The count of errors in a row starts anew with every job that gets through."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=9, stamped=None))
    claims = [ledger.claim(job) for job in sent(ledger, jobs(9))]
    for bad, worse, good in zip(claims[::3], claims[1::3], claims[2::3], strict=True):
        assert not ledger.hold(bad, USED, FAILURE, OUTAGE).is_requeued
        assert not ledger.hold(worse, USED, FAILURE, OUTAGE).is_requeued
        ledger.complete(good, USED, Action.UPDATED, "1")
    assert ledger.holds() == []


def test_trouble_is_the_jobs_own_where_others_get_through(client: redis.Redis, clock: Clock) -> None:
    """A job that alone meets it must use up attempts, once the same call was answered well for another."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=1, stamped=None))
    (bad,) = sent(ledger, jobs(1))
    assert ledger.hold(ledger.claim(bad), USED, FAILURE, REFUSED).is_requeued
    ledger.request(Job(Kind.CUSTOMER, 1, "77"))
    clock.advance(6)
    assert admitted(ledger, 1) == [bad]
    assert ledger.hold(ledger.claim(bad), USED, FAILURE, REFUSED).is_requeued
    clock.advance(11)
    (job,) = admitted(ledger, 1)
    assert job.customer_id == "77"
    done(ledger, job)
    assert ledger.hold(ledger.claim(bad), USED, FAILURE, REFUSED).weight is Weight.OWN
    assert ledger.holds() == []


def test_operator_can_end_a_hold(client: redis.Redis, clock: Clock) -> None:
    """Released by hand, the store gets all its jobs again."""
    ledger = make(client, clock, store_1=StoreLimits(concurrent=2, stamped=None))
    claims = [ledger.claim(job) for job in sent(ledger, jobs(3))]
    for claim in claims:
        ledger.hold(claim, USED, FAILURE, REFUSED)
    assert more(ledger) == 0
    assert ledger.release(1)
    assert not ledger.release(1)
    assert more(ledger) == 2
