"""The sweep: jobs that nobody would run are brought back, and all others left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.conftest import VIRTUAL_CLOCK
from tests.integration.jobs import (
    CALLS,
    FAILURE,
    JOB,
    OTHER,
    claimed,
    lose_messages,
    record_of,
    refused_because,
    swept,
)
from worker.jobs.job import Action, Job, Kind, State
from worker.ledger import Ledger, StoreLimits
from worker.ledger.upkeep import LOSSES_ALLOWED, LOSSES_SPREAD_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

    from tests.conftest import Clock

LEASE_SECONDS = 46
"""A little more than a lease."""
JOBS = [Job(Kind.CUSTOMER, 4021, str(number)) for number in range(3)]


def kill_workers(ledger: Ledger, clock: Clock, jobs: Sequence[Job] = (JOB,)) -> None:
    """Let each of these jobs, which have a message, be claimed by a worker that dies."""
    for job in jobs:
        ledger.claim(job)
    clock.advance(LEASE_SECONDS)


def kill_all_workers_but_one(ledger: Ledger, clock: Clock) -> None:
    """Let as many workers in a row die on the job as may; it has been sent again since."""
    ledger.request(JOB)
    for _ in range(LOSSES_ALLOWED):
        kill_workers(ledger, clock)
        ledger.sweep(Kind.CUSTOMER)
        swept(ledger)


def test_sweep_sends_due_retries(ledger: Ledger, clock: Clock) -> None:
    """A retry that rests in the ledger is sent when it is due; one that Celery carries gets a grace first."""
    ledger.defer(claimed(ledger), CALLS, 120, FAILURE, carried=False)
    ledger.defer(claimed(ledger, OTHER), CALLS, 120, FAILURE, carried=True)
    assert swept(ledger) == []
    clock.advance(120)
    assert swept(ledger) == [JOB]
    clock.advance(16)
    assert swept(ledger) == [OTHER]


def test_sweep_sends_jobs_of_killed_workers(ledger: Ledger, clock: Clock) -> None:
    """A lease that ran out is found and the job sent again, once."""
    claimed(ledger)
    clock.advance(46)
    assert swept(ledger) == [JOB]
    assert swept(ledger) == []


def test_job_whose_worker_died_comes_back_at_once(ledger: Ledger, clock: Clock) -> None:
    """It took its worker's other jobs with it, or was one of these: nothing tells yet, and none waits."""
    ledger.request_all(JOBS)
    kill_workers(ledger, clock, JOBS)
    assert swept(ledger) == JOBS


def test_jobs_that_lost_more_than_one_worker_come_back_one_by_one(ledger: Ledger, clock: Clock) -> None:
    """The one that kills its workers then dies alone, and the others get through."""
    ledger.request_all(JOBS)
    kill_workers(ledger, clock, JOBS)
    swept(ledger)
    kill_workers(ledger, clock, JOBS)
    ledger.sweep(Kind.CUSTOMER)
    came_back = []
    for _ in JOBS:
        came_back.append(swept(ledger))
        clock.advance(LOSSES_SPREAD_MS / 1000)
    assert came_back == [[job] for job in JOBS]


def test_run_that_ends_forgives_the_workers_that_were_lost(ledger: Ledger, clock: Clock) -> None:
    """Only workers that die in a row count."""
    kill_all_workers_but_one(ledger, clock)
    ledger.complete(ledger.claim(JOB), CALLS, Action.UPDATED, "1")
    ledger.request(JOB)
    kill_workers(ledger, clock)
    assert swept(ledger) == [JOB]


def test_sweep_fails_a_job_that_kills_its_workers(ledger: Ledger, clock: Clock) -> None:
    """A job whose workers die again and again ends as worker-lost, and is named, instead of killing them for ever."""
    kill_all_workers_but_one(ledger, clock)
    kill_workers(ledger, clock)
    assert ledger.sweep(Kind.CUSTOMER).failed == (JOB,)
    assert swept(ledger) == []
    record = record_of(ledger)
    assert record.failure
    assert (record.state, record.failure.code, record.has_settled(1)) == (State.FAILED, "worker-lost", True)


def test_request_since_the_last_claim_outlives_a_job_that_kills_its_workers(ledger: Ledger, clock: Clock) -> None:
    """The run that was lost ends at its claim's version; what was asked for since runs anew, so nothing has failed."""
    kill_all_workers_but_one(ledger, clock)
    claim = ledger.claim(JOB)
    ledger.request(JOB)
    clock.advance(LEASE_SECONDS)
    assert ledger.sweep(Kind.CUSTOMER).failed == ()
    assert swept(ledger) == [JOB]
    assert record_of(ledger).settled == claim.version
    again = ledger.claim(JOB)
    assert (again.version, again.attempt) == (claim.version + 1, 0)


def test_request_before_the_last_claim_ends_with_the_job(ledger: Ledger, clock: Clock) -> None:
    """What was asked for while earlier workers died was part of the run that was lost."""
    kill_all_workers_but_one(ledger, clock)
    ledger.request(JOB)
    kill_workers(ledger, clock)
    assert ledger.sweep(Kind.CUSTOMER).failed == (JOB,)
    assert record_of(ledger).has_settled(2)


def test_sweep_finds_a_lost_message_in_an_empty_queue(ledger: Ledger, clock: Clock) -> None:
    """With an empty queue, a message that nobody started in time is lost."""
    ledger.request(JOB)
    lose_messages(ledger)
    clock.advance(29)
    assert swept(ledger) == []
    clock.advance(2)
    assert swept(ledger) == [JOB]


def test_sweep_leaves_a_long_queue_alone(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """A message that still waits in a queue is not lost, however long it waits."""
    client.lpush("customers", "a message")
    ledger.request(JOB)
    clock.advance(3600)
    assert swept(ledger) == []


def test_sweep_finds_a_lost_message_behind_newer_ones(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """First in, first out: a message is lost when one that was sent well after it has been started."""
    client.lpush("customers", "a message")
    ledger.request(JOB)
    clock.advance(31)
    ledger.request(OTHER)
    assert swept(ledger) == []
    ledger.claim(OTHER)
    assert swept(ledger) == [JOB]


def test_debug_job_does_not_make_others_look_lost(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """A debug job overtakes the queue, so its start says nothing of the messages in it."""
    client.lpush("customers", "a message")
    ledger.request(JOB)
    clock.advance(31)
    ledger.request(OTHER, debug=True)
    ledger.claim(OTHER)
    assert swept(ledger) == []


def test_retry_that_celery_carries_does_not_make_others_look_lost(
    client: redis.Redis, ledger: Ledger, clock: Clock
) -> None:
    """A manual sync sends a second message for a job whose retry is on its way; the retry says nothing of the queue."""
    client.lpush("customers", "a message")
    ledger.defer(claimed(ledger), CALLS, 20, FAILURE, carried=True)
    ledger.request(OTHER)
    clock.advance(3600)
    ledger.request(JOB, asker=parts.BY_HAND)
    ledger.claim(JOB)
    assert swept(ledger) == []


def test_retry_that_comes_after_its_grace_does_not_make_others_look_lost(
    client: redis.Redis, ledger: Ledger, clock: Clock
) -> None:
    """The sweep sent another message for it by then; the older of the two says nothing of the queue."""
    client.lpush("customers", "a message")
    ledger.defer(claimed(ledger), CALLS, 20, FAILURE, carried=True)
    ledger.request(OTHER)
    clock.advance(3600)
    assert swept(ledger) == [JOB]
    ledger.claim(JOB)
    assert swept(ledger) == []


def test_only_message_of_a_job_tells_how_far_the_queue_is(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """Once an older one has come, the next message of the job is its only one, and counts."""
    client.lpush("customers", "a message")
    ledger.defer(claimed(ledger), CALLS, 20, FAILURE, carried=True)
    ledger.request(OTHER)
    ledger.request(JOB, asker=parts.BY_HAND)
    ledger.complete(ledger.claim(JOB), CALLS, Action.UPDATED, "1")
    assert refused_because(ledger) == State.DONE
    clock.advance(3600)
    claimed(ledger)
    assert swept(ledger) == [OTHER]


def test_sweep_is_bounded(ledger: Ledger, clock: Clock) -> None:
    """One sweep sends no more than its limit."""
    ledger.request_all([Job(Kind.CUSTOMER, 4021, str(number)) for number in range(25)])
    lose_messages(ledger)
    clock.advance(31)
    assert [ledger.sweep(Kind.CUSTOMER, limit=10).lost for _ in range(4)] == [10, 10, 5, 0]


def test_ended_jobs_are_forgotten_in_time(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """Finished jobs are kept 7 days, failed ones 30, and the indexes with them."""
    ledger.complete(claimed(ledger), CALLS, Action.CREATED, "1")
    ledger.fail(claimed(ledger, OTHER), CALLS, FAILURE)
    clock.advance(8 * 24 * 3600)
    ledger.sweep(Kind.CUSTOMER)
    assert (ledger.counts(Kind.CUSTOMER).done, ledger.counts(Kind.CUSTOMER).failed) == (0, 1)
    assert (ledger.record(JOB), record_of(ledger, OTHER).state) == (None, State.FAILED)
    clock.advance(23 * 24 * 3600)
    ledger.sweep(Kind.CUSTOMER)
    assert ledger.record(OTHER) is None
    assert not [key for key in client.keys("stamped-sync:*") if "15071" in key]
    assert client.keys("stamped-sync:*:customer:*") == []


# Many stores ----------------------------------------------------------------------------------------------------------

STORES = range(5000, 5300)


@pytest.fixture
def many(client: redis.Redis, clock: Clock) -> Ledger:  # noqa: ARG001 - the clock must be there
    """Three hundred stores, each with a job under way."""
    stores = dict.fromkeys(STORES, StoreLimits(concurrent=2))
    many = Ledger(client, stores=stores, replaced={"_clock": VIRTUAL_CLOCK})
    many.request_all([Job(Kind.CUSTOMER, system_id, "1") for system_id in STORES])
    return many


def commands_of(client: redis.Redis, act: Callable[[], object]) -> int:
    """How many commands Redis runs meanwhile, those of scripts included."""
    client.config_resetstat()
    act()
    said: dict[str, dict[str, int]] = client.info("commandstats")
    return sum(each["calls"] for each in said.values())


def test_sweep_looks_little_at_stores_without_work(client: redis.Redis, many: Ledger) -> None:
    """Once their jobs have ended, a store costs Redis some commands, and nothing is written."""
    for system_id in STORES:
        job = Job(Kind.CUSTOMER, system_id, "1")
        many.complete(many.claim(job), [], Action.UPDATED, "1")
    assert commands_of(client, lambda: many.sweep(Kind.CUSTOMER)) < 10 * len(STORES)


def test_sweep_finds_what_is_due_in_any_store(many: Ledger, clock: Clock) -> None:
    """However many others are under way."""
    due = [Job(Kind.CUSTOMER, system_id, "1") for system_id in (STORES[0], STORES[150], STORES[-1])]
    for job in due:
        many.defer(many.claim(job), CALLS, 10, FAILURE, carried=False)
    clock.advance(10)
    assert many.sweep(Kind.CUSTOMER).due == len(due)


def test_sweeps_look_at_all_stores_under_way_in_the_end(client: redis.Redis, many: Ledger) -> None:
    """Each sweep looks at some of them for places that are nobody's, at others each time."""
    client.sadd(f"stamped-sync:admitted:{STORES[7]}", f"customer:{STORES[7]}:404")
    found = (many.sweep(Kind.CUSTOMER).strays for _ in range(200))
    assert next(filter(None, found)) == 1


def test_sweep_finds_a_store_that_is_not_known_any_more(client: redis.Redis, many: Ledger) -> None:
    """Redis has lost the set of systems: the stores that are configured and have jobs are put back into it."""
    client.delete("stamped-sync:systems")
    many.sweep(Kind.CUSTOMER)
    assert len(many.systems()) == len(STORES)
