"""Batches: what has come of exactly the customers that were asked for together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.jobs import CALLS, FAILURE
from tests.parts import SYSTEM
from worker.jobs.job import PAGE, Action, Job, Kind, Next, State
from worker.ledger import Ledger, StoreLimits
from worker.ledger.batches import PAGES, Batch
from worker.ledger.outcome import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

DAY_SECONDS = 24 * 60 * 60
IDS = ("150713", "150714", "150715")


def begun(ledger: Ledger, ids: Sequence[str] = IDS) -> str:
    """A batch of customers that were requested."""
    batch_id = ledger.batches.begin(SYSTEM)
    jobs = [customer(each) for each in ids]
    versions = ledger.request_all(jobs)
    ledger.batches.add(batch_id, dict(zip(jobs, versions, strict=True)))
    return batch_id


def customer(customer_id: str) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, SYSTEM, customer_id)


def do(ledger: Ledger, job: Job, action: Action = Action.CREATED, next_step: Next = Next.NOTHING) -> None:
    """End a job well."""
    ledger.complete(ledger.claim(job), CALLS, action, "143491", next_step)


def fail(ledger: Ledger, job: Job) -> None:
    """End a job badly."""
    ledger.fail(ledger.claim(job), CALLS, FAILURE)


def seen(ledger: Ledger, batch_id: str) -> Batch:
    """A batch that is there."""
    batch = ledger.batches.look(batch_id)
    assert batch
    return batch


def test_batch_counts_its_jobs_by_what_they_came_to(ledger: Ledger) -> None:
    """Some are created, some updated, some fail, and the others remain."""
    batch_id = begun(ledger)
    do(ledger, customer("150713"))
    do(ledger, customer("150714"), Action.UPDATED)
    batch = seen(ledger, batch_id)
    assert batch.counts == {Action.CREATED: 1, Action.UPDATED: 1}
    assert (batch.total, batch.ended, batch.remaining) == (3, 2, 1)
    fail(ledger, customer("150715"))
    batch = seen(ledger, batch_id)
    assert (batch.counts[State.FAILED], batch.shown) == (1, [customer("150715")])
    assert batch.remaining == 0


def test_batch_holds_no_other_jobs(ledger: Ledger) -> None:
    """What is asked for by others does not count."""
    batch_id = begun(ledger, ["150713"])
    ledger.request(customer("150799"))
    do(ledger, customer("150799"))
    assert seen(ledger, batch_id).ended == 0


def test_customer_has_ended_once_its_subscription_job_has(ledger: Ledger) -> None:
    """Both jobs are followed, one after the other."""
    batch_id = begun(ledger, ["150713"])
    do(ledger, customer("150713"), next_step=Next.SUBSCRIPTION)
    assert seen(ledger, batch_id).remaining == 1
    do(ledger, customer("150713").subscription, Action.SUBSCRIBED)
    batch = seen(ledger, batch_id)
    assert batch.remaining == 0
    assert batch.counts == {Action.CREATED: 1, Action.SUBSCRIBED: 1}


def test_outcome_is_that_of_the_run_that_was_asked_for(ledger: Ledger) -> None:
    """A job that was done before is not done until it has run again."""
    ledger.request(customer("150713"))
    do(ledger, customer("150713"))
    batch_id = begun(ledger, ["150713"])
    assert seen(ledger, batch_id).remaining == 1
    do(ledger, customer("150713"), Action.UPDATED)
    assert seen(ledger, batch_id).counts == {Action.UPDATED: 1}


def test_job_that_was_discarded_is_missing(ledger: Ledger) -> None:
    """A batch ends also where somebody tidies up meanwhile."""
    batch_id = begun(ledger, ["150713"])
    fail(ledger, customer("150713"))
    ledger.discard_all([customer("150713")])
    batch = seen(ledger, batch_id)
    assert (batch.remaining, batch.counts) == (0, {MISSING: 1})


def test_job_that_rests_is_shown_as_such(ledger: Ledger) -> None:
    """It has not ended; the page can say when it is tried again."""
    batch_id = begun(ledger, ["150713"])
    ledger.defer(ledger.claim(customer("150713")), CALLS, 1200, FAILURE, carried=False)
    batch = seen(ledger, batch_id)
    assert (batch.shown, batch.remaining) == ([customer("150713")], 1)


def test_one_look_takes_a_few_pages_however_large_the_batch(ledger: Ledger) -> None:
    """All have ended, but one look counts no more than its share."""
    batch_id, size = ledger.batches.begin(SYSTEM), (PAGES + 2) * PAGE
    ledger.batches.add(batch_id, {Job(Kind.CUSTOMER, SYSTEM, str(number)): 1 for number in range(1, size + 1)})
    assert seen(ledger, batch_id).ended == (PAGES + 1) * PAGE
    assert seen(ledger, batch_id).counts == {MISSING: size}


def test_job_that_overtakes_the_others_is_found(client: redis.Redis) -> None:
    """Looks behind the first page go on where the last one stopped, and begin anew at the end."""
    ledger = Ledger(client, stores={SYSTEM: StoreLimits(concurrent=10 * PAGE, stamped=None)})
    ids = [str(number) for number in range(1, 3 * PAGE + 2)]
    batch_id = begun(ledger, ids)
    for count, overtaking in enumerate((ids[-1], ids[PAGE + 1]), start=1):
        do(ledger, customer(overtaking))
        looks = [seen(ledger, batch_id).ended for _ in range(3)]
        assert looks[-1] == count


def test_nothing_is_counted_twice_by_two_who_look_together(ledger: Ledger, client: redis.Redis) -> None:
    """Another look ends the same jobs between this one's reading and its writing: this one counts them no more."""
    batch_id = begun(ledger)
    do(ledger, customer("150713"))
    records, others = ledger.records, [True]

    def looked_at_meanwhile(jobs: Sequence[Job]) -> object:
        if others and others.pop():
            seen(ledger, batch_id)
        return records(jobs)

    ledger.records = looked_at_meanwhile  # type: ignore[method-assign,assignment]
    assert seen(ledger, batch_id).counts == {Action.CREATED: 1}
    assert seen(ledger, batch_id).ended == 1
    assert client.zcard(f"stamped-sync:batch:{batch_id}:open") == 2


def test_batch_is_kept_for_a_day(ledger: Ledger, client: redis.Redis) -> None:
    """Everything that it leaves in Redis goes by itself: its hash, what is open or has failed, and the cursor."""
    batch_id = begun(ledger)
    do(ledger, customer("150713"))
    fail(ledger, customer("150714"))
    seen(ledger, batch_id)
    keys = list(client.scan_iter(f"stamped-sync:batch:{batch_id}*"))
    assert len(keys) == 4
    assert all(0 < client.ttl(key) <= DAY_SECONDS for key in keys)


def test_subscription_jobs_that_alone_are_open_are_kept_for_a_day(ledger: Ledger, client: redis.Redis) -> None:
    """Redis forgets an empty set's end; the set that begins anew has one too."""
    batch_id = begun(ledger, ["150713"])
    do(ledger, customer("150713"), next_step=Next.SUBSCRIPTION)
    seen(ledger, batch_id)
    assert 0 < client.ttl(f"stamped-sync:batch:{batch_id}:open") <= DAY_SECONDS


def test_unknown_batch_is_none(ledger: Ledger) -> None:
    """An id that was never given out, or is too old."""
    assert ledger.batches.look("A" * 22) is None
