"""What begins, keeps and ends the hold of a store, on a real Valkey with a clock that the tests move."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.jobs import admitted, calls_of, pushed_by, taken
from tests.integration.ledger.test_store import FAILURE, OUTAGE, REFUSED, USED, jobs, make, more, sent
from worker.jobs.catalogue import Failure
from worker.jobs.intents import Intent
from worker.jobs.job import Action, Job, Kind, State
from worker.jobs.retries import Pause
from worker.jobs.routes import CUSTOMERS, UPKEEP
from worker.ledger import ClaimRefused, Ledger, Limit, StoreLimits, Weight

if TYPE_CHECKING:
    import redis

    from tests.conftest import Clock

NO_LIMIT = StoreLimits(concurrent=10, stamped=None)
OF_SOURCE = calls_of(1, 0)
OF_STORE = calls_of(0, 1)


@pytest.fixture
def store(client: redis.Redis, clock: Clock) -> Ledger:
    """A store that lets ten jobs run at a time."""
    return make(client, clock, store_1=NO_LIMIT)


def test_job_that_began_before_does_not_end_a_hold(store: Ledger, clock: Clock) -> None:
    """`Retry-After` is kept, whatever was on its way already."""
    first, second, *_ = [store.claim(job) for job in sent(store, jobs(12))]
    store.hold(first, OF_STORE, FAILURE, Pause(60, 60))
    ended = store.complete(second, USED, Action.UPDATED, "1")
    assert (ended.hold_ended, len(store.holds()), store.counts(Kind.CUSTOMER).queued) == (False, 1, 3)
    clock.advance(59)
    assert more(store) == 0


def test_message_that_waited_through_a_hold_is_no_call(store: Ledger, clock: Clock) -> None:
    """A job that was sent before waits for its turn again, while the hold lasts and while another proves the store."""
    first, second, third = sent(store, jobs(3))
    store.hold(store.claim(first), OF_STORE, FAILURE, Pause(60, 60))
    refused(store, second)
    clock.advance(60)
    refused(store, third)
    assert more(store) == 1
    assert store.counts(Kind.CUSTOMER).queued == 2


def refused(store: Ledger, job: Job) -> None:
    """A job may not be claimed now."""
    with pytest.raises(ClaimRefused) as error:
        store.claim(job)
    assert error.value.state == State.QUEUED


def test_success_at_one_api_does_not_end_the_hold_of_the_other(store: Ledger, clock: Clock) -> None:
    """A reconciliation that calls Stamped.io alone says nothing of iPaaS.com's token."""
    first, *others = sent(store, jobs(2))
    store.hold(store.claim(first), OF_SOURCE, FAILURE, REFUSED)
    refused(store, others[0])
    clock.advance(5)
    (job,) = admitted(store, 1)
    assert not store.complete(store.claim(job), OF_STORE, Action.UPDATED, "1").hold_ended
    assert len(store.holds()) == 1


def test_failure_that_is_the_jobs_own_proves_the_store(store: Ledger, clock: Clock) -> None:
    """The API answered as it should: a hold does not outlive the last job that waited."""
    (job,) = sent(store, jobs(1))
    store.hold(store.claim(job), OF_SOURCE, FAILURE, REFUSED)
    clock.advance(5)
    (job,) = admitted(store, 1)
    ended = store.fail(store.claim(job), OF_SOURCE, FAILURE)
    assert (ended.hold_ended, store.holds()) == (True, [])


def test_hold_of_a_store_without_jobs_is_forgotten(store: Ledger, clock: Clock) -> None:
    """Nobody is left to prove it; the next job does without."""
    (job,) = sent(store, jobs(1))
    store.hold(store.claim(job), OF_SOURCE, FAILURE, REFUSED)
    clock.advance(5)
    (job,) = admitted(store, 1)
    store.fail(store.claim(job), calls_of(1, 0, Intent.OURS), FAILURE)
    store.sweep(Kind.CUSTOMER)
    assert len(store.holds()) == 1
    clock.advance(601)
    store.sweep(Kind.CUSTOMER)
    assert store.holds() == []


MET = calls_of(0, 1, Intent.STORES)
"""A call that met trouble."""


def test_one_job_alone_is_no_outage(store: Ledger) -> None:
    """However often it meets it; it rests at no cost, and how often says how long. Three jobs are one."""
    (job,) = sent(store, jobs(1))
    for number in range(1, 6):
        claim = store.claim(job)
        weighed = store.hold(claim, OF_STORE, FAILURE, OUTAGE)
        assert (weighed.weight, weighed.met, claim.attempt) == (Weight.RESTS, number, 0)
        store.defer(claim, MET, 0, FAILURE, carried=True, costs_attempt=False)
    first, second = [store.claim(each) for each in sent(store, jobs(3)[1:])]
    assert not store.hold(first, OF_STORE, FAILURE, OUTAGE).is_requeued
    assert store.hold(second, OF_STORE, FAILURE, OUTAGE).hold_began


def test_job_never_fails_for_what_meets_everybody(store: Ledger, clock: Clock) -> None:
    """However long it lasts: as long as nobody gets through, no attempt is used up."""
    running = [store.claim(job) for job in sent(store, jobs(4))]
    assert [store.hold(claim, OF_STORE, FAILURE, OUTAGE).weight for claim in running[:2]] == [Weight.RESTS] * 2
    for claim in running[:2]:
        store.defer(claim, MET, 0, FAILURE, carried=False, costs_attempt=False)
    assert [store.hold(claim, OF_STORE, FAILURE, OUTAGE).weight for claim in running[2:]] == [Weight.REQUEUED] * 2
    for _ in range(200):
        clock.advance(601)
        store.sweep(Kind.CUSTOMER)
        for job in admitted(store, 1):
            claim = store.claim(job)
            assert claim.attempt == 0
            assert store.hold(claim, OF_STORE, FAILURE, OUTAGE).is_requeued
    assert store.counts(Kind.CUSTOMER).queued == 4


def test_trouble_with_one_call_is_not_ended_by_another(store: Ledger) -> None:
    """A store that answers its lists and refuses its surveys to everybody fails nobody's subscription."""
    survey = replace(OF_STORE[0], route="survey/unsubscribe")
    jobs_of_subscriptions = [Job(Kind.SUBSCRIPTION, 1, str(number)) for number in range(2)]
    first, second = [store.claim(job) for job in sent(store, jobs_of_subscriptions)]
    calls = [*OF_STORE, survey]
    for claim in (first, second):
        for _ in range(3):
            assert store.hold(claim, calls, FAILURE, OUTAGE).weight is Weight.RESTS
    third = store.claim(sent(store, [Job(Kind.SUBSCRIPTION, 1, "7")])[0])
    store.complete(third, [*OF_STORE, survey], Action.UNSUBSCRIBED)
    assert store.hold(first, calls, FAILURE, OUTAGE).weight is Weight.OWN


def test_limit_is_never_the_jobs_own(store: Ledger) -> None:
    """Too many calls are no matter of one customer, whoever gets through."""
    limit = Pause(5, 5, is_limit=True)
    (job,) = sent(store, jobs(1))
    for _ in range(12):
        assert store.hold(store.claim(job), [*OF_STORE, *OF_STORE], FAILURE, limit).is_requeued
        store.release(1)
        assert more(store) == 1


# A hold that somebody ends --------------------------------------------------------------------------------------------

LIMITED = Failure("ipaas-calls-limited", 429, "Too many calls.")
REVOKED = Failure("stamped-credentials-refused", 401, "The key was revoked.")
AWAY = Failure("stamped-unavailable", 503)


def holds_told(store: Ledger) -> dict[str, int]:
    """How many holds were told, by their code."""
    totals = store.figures().totals
    return {code: totals["holds", "1", code] for code in (REVOKED.code, AWAY.code) if ("holds", "1", code) in totals}


@pytest.mark.parametrize("is_first", [True, False])
def test_new_key_does_not_end_a_pause_that_an_api_asked_for(store: Ledger, clock: Clock, is_first: bool) -> None:
    """Whichever came first: the hold is shortened to that pause, and ends after it."""
    claims = [store.claim(job) for job in sent(store, jobs(2))]
    limit, refused_keys = Pause(60, 60, is_limit=True), Pause(600, 600)
    steps = [(OF_SOURCE, limit, LIMITED), (OF_STORE, refused_keys, REVOKED)]
    for claim, (calls, pause, failure) in zip(claims, steps if is_first else reversed(steps), strict=True):
        store.hold(claim, calls, FAILURE, pause, failure)
    (found,) = store.holds()
    assert found.failure == (LIMITED if is_first else REVOKED)
    assert not store.end(found)
    (shorter,) = store.holds()
    assert 0 < (shorter.until - shorter.since).total_seconds() <= 60
    clock.advance(59)
    assert more(store) == 0
    assert not store.end(shorter)
    clock.advance(1)
    assert store.end(shorter)
    assert store.holds() == []


def test_hold_that_goes_on_longer_is_not_the_one_that_was_looked_at(store: Ledger) -> None:
    """What mends the one may not mend the other."""
    first, second = [store.claim(job) for job in sent(store, jobs(2))]
    store.hold(first, OF_STORE, FAILURE, Pause(5, 5), REVOKED)
    (looked_at,) = store.holds()
    store.hold(second, OF_STORE, FAILURE, Pause(60, 60), REVOKED)
    assert not store.end(looked_at)
    (found,) = store.holds()
    assert store.end(found)
    assert not store.end(found)


def test_other_trouble_of_a_probe_is_told_once(store: Ledger, clock: Clock) -> None:
    """Refused keys behind an outage, which nobody would mend otherwise; not each time that they take turns."""
    (job,) = sent(store, jobs(1))
    told = []
    for failure in (AWAY, AWAY, REVOKED, AWAY, REVOKED):
        told.append(store.hold(store.claim(job), OF_STORE, FAILURE, Pause(5, 600), failure).hold_began)
        clock.advance(600)
        assert more(store) == 1
    assert told == [True, False, True, False, False]
    assert holds_told(store) == {AWAY.code: 1, REVOKED.code: 1}
    (found,) = store.holds()
    assert (found.failure, (found.until - found.since).total_seconds() > 2400) == (REVOKED, True)
    store.complete(store.claim(job), [*OF_STORE], Action.UPDATED, "1")
    store.hold(store.claim(*sent(store, jobs(1))), OF_STORE, FAILURE, Pause(5, 600), REVOKED)
    assert holds_told(store) == {AWAY.code: 1, REVOKED.code: 2}


def test_trouble_by_other_keys_is_not_taken_for_that_of_the_hold(client: redis.Redis) -> None:
    """A hold bears the configuration that met its own trouble last."""
    store = Ledger(client, stores={1: NO_LIMIT}, worker="host/1")
    first, second, third = [store.claim(job) for job in sent(store, jobs(3))]
    met = [
        (first, OF_STORE, REVOKED, "aaaaaa"),
        (second, OF_SOURCE, LIMITED, "bbbbbb"),
        (third, OF_STORE, REVOKED, "cc"),
    ]
    found = []
    for claim, calls, failure, fingerprint in met:
        store.hold(replace(claim, fingerprint=fingerprint), calls, FAILURE, Pause(60, 60), failure)
        found += [each.fingerprint for each in store.holds()]
    assert found == ["aaaaaa", "aaaaaa", "cc"]


def test_hold_names_what_is_wrong_and_the_job_its_own(store: Ledger) -> None:
    """The connection's key, and the customer's write."""
    (job,) = sent(store, jobs(1))
    held_for = Failure("stamped-credentials-refused", 401, "The key was revoked.")
    store.hold(store.claim(job), OF_STORE, FAILURE, REFUSED, held_for)
    assert [hold.failure for hold in store.holds()] == [held_for]
    assert store.events.life_of(job)[0].failure == FAILURE
    assert store.figures().totals["holds", "1", "stamped-credentials-refused"] == 1


def test_hold_of_one_api_ends_by_a_call_that_was_answered_well(store: Ledger, clock: Clock) -> None:
    """Even where the job then meets trouble with the other one: iPaaS.com's token works."""
    (job,) = sent(store, jobs(1))
    store.hold(store.claim(job), OF_SOURCE, FAILURE, REFUSED)
    clock.advance(5)
    (job,) = admitted(store, 1)
    claim, met = store.claim(job), calls_of(1, 1, Intent.STORES)
    weighed = store.hold(claim, met, FAILURE, OUTAGE)
    assert weighed.weight is Weight.RESTS
    ended = store.defer(claim, met, 0, FAILURE, carried=True, costs_attempt=False)
    assert (ended.hold_ended, store.holds()) == (True, [])


def test_calls_before_the_trouble_do_not_end_the_hold(store: Ledger, clock: Clock) -> None:
    """Every probe reads from iPaaS.com before iPaaS.com refuses its link: the hold goes on, and is told once."""
    met = [*calls_of(1, 1), *calls_of(1, 0, Intent.STORES)]
    (job,) = sent(store, jobs(1))
    assert store.hold(store.claim(job), met, FAILURE, REFUSED).hold_began
    for _ in range(3):
        clock.advance(600)
        (job,) = admitted(store, 1)
        weighed = store.hold(store.claim(job), met, FAILURE, REFUSED)
        assert (weighed.is_requeued, weighed.hold_ended, weighed.hold_began) == (True, False, False)


def test_a_jobs_own_answers_are_no_evidence_against_it(store: Ledger) -> None:
    """The first page of a search is answered, the second is not, again and again: nobody else got through."""
    met = [*calls_of(0, 1), *calls_of(0, 1, Intent.STORES)]
    (job,) = sent(store, jobs(1))
    for _ in range(5):
        claim = store.claim(job)
        assert store.hold(claim, met, FAILURE, OUTAGE).weight is Weight.RESTS
        store.defer(claim, met, 0, FAILURE, carried=True, costs_attempt=False)


def test_answer_between_ends_the_strikes(store: Ledger) -> None:
    """Errors now and then are no outage."""
    first, second, good, third = [store.claim(job) for job in sent(store, jobs(4))]
    store.hold(first, OF_STORE, FAILURE, OUTAGE)
    store.hold(second, OF_STORE, FAILURE, OUTAGE)
    store.complete(good, USED, Action.UPDATED, "1")
    assert not store.hold(third, OF_STORE, FAILURE, OUTAGE).hold_began


def test_debug_job_that_is_held_lets_others_prove_the_store(store: Ledger, clock: Clock) -> None:
    """It goes first once, not for ever."""
    debug = jobs(1)[0]
    store.request(debug, debug=True)
    claim = store.claim(debug)
    other = Job(Kind.CUSTOMER, 1, "7")
    store.hold(claim, OF_STORE, FAILURE, REFUSED)
    clock.advance(-1)
    store.request(other)
    clock.advance(6)
    assert admitted(store, 1) == [other]


def test_debug_ends_with_its_run(client: redis.Redis, store: Ledger) -> None:
    """A plain trigger during the run is none; another debug request is."""
    job = jobs(1)[0]
    store.request(job, debug=True)
    claim = store.claim(job)
    store.request(job)
    assert taken(store) == [job]
    store.complete(claim, USED, Action.UPDATED, "1")
    assert (client.llen(CUSTOMERS), client.llen(UPKEEP)) == (1, 0)
    claim = store.claim(job)
    store.request(job, debug=True)
    store.complete(claim, USED, Action.UPDATED, "1")
    assert (client.llen(CUSTOMERS), client.llen(UPKEEP)) == (1, 1)


def test_job_that_needs_more_slots_is_not_passed_over_for_ever(client: redis.Redis, clock: Clock) -> None:
    """A subscription job needs two calls, a customer job one: the turn stays until it has been taken."""
    store = make(client, clock, store_1=StoreLimits(concurrent=10, stamped=Limit(5, 10)))
    running = sent(store, jobs(100))
    taken(store)
    store.request(Job(Kind.SUBSCRIPTION, 1, "77"))
    kinds = []
    for _ in range(40):
        clock.advance(2)
        for job in running[:1]:
            kinds.append(job.kind)
            store.complete(store.claim(job), OF_STORE, "updated", "1")
        store.admit(1)
        running = running[1:] + taken(store)
    assert Kind.SUBSCRIPTION in kinds


def test_background_waits_for_the_other_kind_too(client: redis.Redis, clock: Clock) -> None:
    """Subscription jobs of an initialize do not take every second turn from triggers."""
    store = make(client, clock, store_1=StoreLimits(concurrent=1, stamped=None))
    (first,) = sent(store, jobs(1))
    store.request_all([Job(Kind.SUBSCRIPTION, 1, str(number)) for number in range(1, 4)], asker=parts.IN_BACKGROUND)
    store.request_all(jobs(4)[1:])
    order = [first]
    while len(order) < 7:
        claim = store.claim(order[-1])
        order += pushed_by(store, partial(store.complete, claim, USED, Action.UPDATED, "1"))
    assert [job.kind for job in order] == [Kind.CUSTOMER] * 4 + [Kind.SUBSCRIPTION] * 3


def test_job_that_waits_for_a_slot_keeps_its_place(client: redis.Redis, clock: Clock) -> None:
    """It is not sent behind a long queue for one more call."""
    store = make(client, clock, store_1=StoreLimits(concurrent=1, stamped=None))
    (first,) = sent(store, jobs(1))
    clock.advance(1)
    store.request_all(jobs(9)[1:])
    claim = store.claim(first)
    assert pushed_by(store, lambda: store.put_back(claim, USED)) == [first]


def test_slots_of_a_limit_that_is_gone_are_given_back(client: redis.Redis, clock: Clock) -> None:
    """A throttle that is taken out of the file and put back lets jobs run."""
    limited = StoreLimits(concurrent=10, stamped=None, ipaas=Limit(5, 10))
    before, without = make(client, clock, store_1=limited), make(client, clock, store_1=NO_LIMIT)
    (job,) = sent(before, jobs(1))
    before.claim(job)
    clock.advance(46)
    without.sweep(Kind.CUSTOMER)
    clock.advance(11)
    assert more(before) == 1
