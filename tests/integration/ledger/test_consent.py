"""Who is new in Stamped.io, as the ledger keeps it: from the create to the first write of the subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.jobs import CALLS, FAILURE, JOB, claimed, record_of
from tests.parts import SYSTEM
from worker.jobs.job import Action, Consent, Kind, Next, State
from worker.jobs.retries import Pause
from worker.ledger import Ledger, Limit, StoreLimits, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from tests.conftest import Clock
    from worker.jobs.job import Job
    from worker.ledger import Claim

SUBSCRIPTION = JOB.subscription


@pytest.fixture
def newcomer(ledger: Ledger) -> Claim:
    """The claimed subscription job of a customer who is new."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "5", Next.SUBSCRIPTION, is_new=True)
    return ledger.claim(SUBSCRIPTION)


def again(ledger: Ledger, clock: Clock, job: Job = SUBSCRIPTION) -> Claim:
    """The job's next run, once whatever stands against it is over."""
    clock.advance(120)
    ledger.release(SYSTEM)
    ledger.sweep(job.kind)
    ledger.admit(SYSTEM)
    return ledger.claim(job)


def test_new_customer_is_handed_over_as_such(ledger: Ledger, newcomer: Claim) -> None:
    """In the step that ends the customer job, which knows it no more."""
    assert newcomer.is_new
    assert not claimed(ledger).is_new


def test_new_customer_who_is_as_mapped_needs_no_job(ledger: Ledger) -> None:
    """Nothing is to be done for it, and whoever unsubscribes from now on has done so."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "5", Next.UNCHANGED, is_new=True)
    record = record_of(ledger, SUBSCRIPTION)
    assert (record.state, record.action) == (State.DONE, Action.UNCHANGED)
    ledger.request(SUBSCRIPTION)
    assert not ledger.claim(SUBSCRIPTION).is_new


def test_customer_who_is_as_mapped_meanwhile_is_new_no_more(ledger: Ledger, clock: Clock, newcomer: Claim) -> None:
    """Also while the subscription job waits for its retry."""
    ledger.defer(newcomer, CALLS, 60, FAILURE, carried=False, consent=Consent(is_new=True))
    ledger.complete(claimed(ledger), CALLS, Action.UPDATED, "5", Next.UNCHANGED)
    assert not again(ledger, clock).is_new


def test_state_that_is_kept_leaves_a_new_customer_new(ledger: Ledger, clock: Clock, newcomer: Claim) -> None:
    """An update says of those whom it does not know better that they stay as they are."""
    ledger.defer(newcomer, CALLS, 60, FAILURE, carried=False, consent=Consent(is_new=True))
    ledger.complete(claimed(ledger), CALLS, Action.UPDATED, "5", Next.KEPT)
    assert again(ledger, clock).is_new


def test_state_that_is_kept_is_noted_without_a_run(ledger: Ledger) -> None:
    """Like one that is as mapped."""
    ledger.complete(claimed(ledger), CALLS, Action.UPDATED, "5", Next.KEPT)
    record = record_of(ledger, SUBSCRIPTION)
    assert (record.state, record.action) == (State.DONE, Action.UNCHANGED)


def test_run_that_began_before_the_create_does_not_end_it(ledger: Ledger) -> None:
    """The customer was gone from the store, and is created anew while its subscription job still runs."""
    ledger.request(SUBSCRIPTION)
    running = ledger.claim(SUBSCRIPTION)
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "5", Next.SUBSCRIPTION, is_new=True)
    ledger.renew(running, writes=True)
    ledger.complete(running, CALLS, Action.SUBSCRIBED, "4")
    assert ledger.claim(SUBSCRIPTION).is_new


# The call that subscribes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("writes", "is_new"), [(True, False), (False, True)])
def test_worker_that_dies_behind_its_write_leaves_nobody_new(
    ledger: Ledger, clock: Clock, newcomer: Claim, writes: bool, is_new: bool
) -> None:
    """From the check of the claim before the write on: what it came to is not known."""
    ledger.renew(newcomer, writes=writes)
    assert again(ledger, clock).is_new is is_new


def test_write_that_the_throttle_refuses_was_none(client: redis.Redis) -> None:
    """The customer is as new as before."""
    ledger = Ledger(client, stores={SYSTEM: StoreLimits(stamped=Limit(2, 60))})
    ledger.complete(claimed(ledger), CALLS[:1], Action.CREATED, "5", Next.SUBSCRIPTION, is_new=True)
    claim = ledger.claim(SUBSCRIPTION)
    with pytest.raises(Throttled):
        ledger.renew(claim, extra_call="stamped", writes=True)
    assert client.hget(ledger.key(SUBSCRIPTION), "is_new") == "1"


def test_write_of_the_customer_job_says_nothing_of_its_subscription(ledger: Ledger, clock: Clock) -> None:
    """The link is one, and its new customer has yet to be subscribed."""
    ledger.defer(claimed(ledger), CALLS, 60, FAILURE, carried=False, consent=Consent(is_new=True))
    claim = again(ledger, clock, JOB)
    ledger.renew(claim, writes=True)
    assert again(ledger, clock, JOB).is_new


# Weather -------------------------------------------------------------------------------------------------------------

ENDS: dict[str, Callable[[Ledger, Claim, Consent], object]] = {
    "defer": lambda ledger, claim, consent: ledger.defer(claim, CALLS, 60, FAILURE, carried=False, consent=consent),
    "hold": lambda ledger, claim, consent: ledger.hold(claim, CALLS, FAILURE, Pause(60, 60), consent=consent),
    "put back": lambda ledger, claim, consent: ledger.put_back(claim, CALLS, consent=consent),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("is_new", [True, False])
def test_next_run_knows_whom_the_last_one_created(ledger: Ledger, clock: Clock, end: str, is_new: bool) -> None:
    """Whatever kept that one from its end."""
    ENDS[end](ledger, claimed(ledger), Consent(is_new=is_new))
    assert again(ledger, clock, JOB).is_new is is_new


@pytest.mark.parametrize("end", ENDS)
def test_next_run_knows_the_id_of_whom_the_last_one_created(ledger: Ledger, clock: Clock, end: str) -> None:
    """Until the job comes to its end."""
    ENDS[end](ledger, claimed(ledger), Consent(created="5"))
    claim = again(ledger, clock, JOB)
    assert claim.created == "5"
    ledger.complete(claim, CALLS, Action.UPDATED, "5")
    assert claimed(ledger).created == ""


@pytest.mark.parametrize("end", ENDS)
def test_next_run_of_a_subscription_knows_it_too(ledger: Ledger, clock: Clock, newcomer: Claim, end: str) -> None:
    """As long as nothing was written."""
    ENDS[end](ledger, newcomer, Consent(is_new=True))
    assert again(ledger, clock).is_new


def test_failed_subscription_leaves_nobody_new(ledger: Ledger, newcomer: Claim) -> None:
    """It is tried again for days, and whoever unsubscribes in these is not subscribed again."""
    ledger.fail(newcomer, CALLS, FAILURE)
    assert ledger.retry_failed(Kind.SUBSCRIPTION, 7) == 1
    ledger.admit(SYSTEM)
    assert not ledger.claim(SUBSCRIPTION).is_new


def test_failed_customer_leaves_nobody_new(ledger: Ledger, clock: Clock) -> None:
    """Somebody runs it again, some day."""
    ledger.defer(claimed(ledger), CALLS, 60, FAILURE, carried=False, consent=Consent(is_new=True))
    ledger.fail(again(ledger, clock, JOB), CALLS, FAILURE)
    assert not claimed(ledger).is_new
