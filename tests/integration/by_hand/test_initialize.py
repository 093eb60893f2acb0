"""Initialize on a real Valkey and over real HTTP: the background, the progress, and the lists of iPaaS.com."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.conftest import VIRTUAL_CLOCK, Clock
from tests.integration.jobs import CALLS, admitted, taken
from worker.app import app
from worker.by_hand.initialize import go_on
from worker.config.settings import Settings
from worker.jobs.asking import TRIGGERED
from worker.jobs.errors import AnswerUnreadable, IPaaSCredentialsRefused, IPaaSReadFailed, SyncError
from worker.jobs.job import Action, Job, Kind, Next
from worker.jobs.progress import Progress, Selection, TakenOver
from worker.ledger import Ledger, LedgerTimes, Limit, StoreLimits
from worker.ledger.guard import ThrottledReads
from worker.runtime import Runtime
from worker.sandbox.faults import Fault
from worker.sandbox.server import Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

COUNT = 250
DAY_SECONDS = 24 * 60 * 60


# The background -------------------------------------------------------------------------------------------------------


def allowing(client: redis.Redis, concurrent: int) -> Ledger:
    """A ledger that lets so many jobs of a store run at a time."""
    stores = {1: StoreLimits(concurrent=concurrent, stamped=None)}
    return Ledger(client, LedgerTimes(), stores, replaced={"_clock": VIRTUAL_CLOCK})


@pytest.fixture
def one_at_a_time(client: redis.Redis, clock: Clock) -> Ledger:
    """A ledger that lets one job of a store run at a time."""
    clock.advance(0)
    return allowing(client, 1)


def customer(number: int) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, 1, str(number))


def both(number: int) -> list[Job]:
    """Both jobs of a customer."""
    return [customer(number), customer(number).subscription]


def order_of(ledger: Ledger, first: Job) -> list[Job]:
    """The jobs in the order in which they are let run, each once the one before is done."""
    order = [first]
    taken(ledger)
    while True:
        ledger.complete(ledger.claim(order[-1]), CALLS, Action.UPDATED, "1")
        if not (sent := taken(ledger)):
            return order
        order += sent


def test_trigger_does_not_wait_behind_the_background(one_at_a_time: Ledger, clock: Clock) -> None:
    """What a trigger asks for runs before all that an initialize asked for earlier."""
    one_at_a_time.request_all([customer(number) for number in range(1, 5)], asker=parts.IN_BACKGROUND)
    clock.advance(3600)
    one_at_a_time.request(customer(9))
    assert order_of(one_at_a_time, customer(1)) == [customer(number) for number in (1, 9, 2, 3, 4)]


def test_trigger_brings_a_background_job_forward(one_at_a_time: Ledger) -> None:
    """A customer that an initialize has asked for already does not wait for its turn in it."""
    one_at_a_time.request_all([customer(number) for number in range(1, 5)], asker=parts.IN_BACKGROUND)
    one_at_a_time.request(customer(4))
    assert order_of(one_at_a_time, customer(1)) == [customer(number) for number in (1, 4, 2, 3)]


def test_background_does_not_put_a_triggered_job_back(one_at_a_time: Ledger, clock: Clock) -> None:
    """An initialize that comes upon a customer that waits already leaves it its place."""
    one_at_a_time.request_all([customer(number) for number in range(1, 4)])
    clock.advance(1)
    one_at_a_time.request_all([customer(3), customer(4)], asker=parts.IN_BACKGROUND)
    clock.advance(1)
    one_at_a_time.request(customer(5))
    assert order_of(one_at_a_time, customer(1)) == [customer(number) for number in (1, 2, 3, 5, 4)]


def test_background_waits_no_longer_than_a_day(one_at_a_time: Ledger, clock: Clock) -> None:
    """Triggers without end do not keep an initialize from its end."""
    one_at_a_time.request_all([customer(1), customer(2)], asker=parts.IN_BACKGROUND)
    clock.advance(DAY_SECONDS + 1)
    one_at_a_time.request(customer(9))
    assert order_of(one_at_a_time, customer(1)) == [customer(1), customer(2), customer(9)]


def test_subscription_of_a_background_job_is_in_the_background(
    client: redis.Redis, one_at_a_time: Ledger, clock: Clock
) -> None:
    """The subscription that a trigger asks for overtakes those that come of an initialize."""
    one_at_a_time.request_all([customer(1)], asker=parts.IN_BACKGROUND)
    paused = allowing(client, 0)
    paused.complete(paused.claim(customer(1)), CALLS, Action.CREATED, "1", Next.SUBSCRIPTION)
    clock.advance(60)
    paused.request(customer(9).subscription)
    (first,) = admitted(one_at_a_time, 1)
    assert order_of(one_at_a_time, first) == [customer(9).subscription, customer(1).subscription]


def test_job_that_was_in_the_background_once_is_not_for_ever(one_at_a_time: Ledger, clock: Clock) -> None:
    """Its next trigger is a trigger like any other."""
    one_at_a_time.request(customer(1))
    one_at_a_time.request_all([customer(2)], asker=parts.IN_BACKGROUND)
    assert order_of(one_at_a_time, customer(1)) == [customer(1), customer(2)]
    clock.advance(60)
    one_at_a_time.request_all([customer(3), customer(4)], asker=parts.IN_BACKGROUND)
    one_at_a_time.request(customer(2))
    assert order_of(one_at_a_time, customer(3)) == [customer(3), customer(2), customer(4)]


def test_backlog_is_that_of_one_store(one_at_a_time: Ledger) -> None:
    """Jobs of both kinds that wait for their turn, without the one under way and without other stores'."""
    one_at_a_time.request_all([customer(1), customer(2), customer(1).subscription], asker=parts.IN_BACKGROUND)
    one_at_a_time.request_all([Job(Kind.CUSTOMER, 2, str(number)) for number in range(30)])
    assert one_at_a_time.backlog(1) == 2


def test_oldest_job_tells_since_when_it_waits(one_at_a_time: Ledger, clock: Clock) -> None:
    """Not its place in the queue, which for the background is a day later."""
    one_at_a_time.request_all([customer(1), customer(2)], asker=parts.IN_BACKGROUND)
    requested = one_at_a_time.record(customer(2))
    clock.advance(60)
    assert requested
    assert one_at_a_time.figures().oldest_queued(Kind.CUSTOMER) == requested.requested_at


def test_initialize_shortens_no_jobs_life(one_at_a_time: Ledger, clock: Clock) -> None:
    """A customer's earlier history is there as long as any: "did X get synced today?" has an answer."""
    for asker in (TRIGGERED, parts.IN_BACKGROUND):
        one_at_a_time.request_all([customer(1)], asker)
        claim = one_at_a_time.claim(customer(1))
        one_at_a_time.complete(claim, CALLS, Action.UPDATED, "1", next_step=Next.UNCHANGED)
    clock.advance(6 * DAY_SECONDS)
    for kind in Kind:
        one_at_a_time.sweep(kind)
        assert one_at_a_time.counts(kind).done == 1
    assert len(one_at_a_time.events.life_of(customer(1))) == 2


# The progress ---------------------------------------------------------------------------------------------------------


def test_progress_goes_on_where_it_was_noted(ledger: Ledger, clock: Clock) -> None:
    """The next run begins there, and knows when the first began."""
    first = ledger.progress.begin(1, Selection.ALL)
    assert (first.position, first.requested, first.is_resumed) == ("", 0, False)
    ledger.progress.advance(noted(first, "7:100", 700))
    clock.advance(60)
    second = ledger.progress.begin(1, Selection.ALL)
    assert (second.position, second.requested, second.is_resumed) == ("7:100", 700, True)
    assert second.started_at == first.started_at


def noted(progress: Progress, position: str, requested: int) -> Progress:
    """The progress some customers later."""
    return Progress(progress.system_id, progress.selection, progress.token, position, requested)


def test_ended_progress_is_remembered_by_the_next(ledger: Ledger, clock: Clock) -> None:
    """A run after the end begins anew, and says when the last one ended."""
    first = ledger.progress.begin(1, Selection.ALL)
    ended = ledger.progress.advance(noted(first, "9:3", 803), ended=True)
    clock.advance(60)
    second = ledger.progress.begin(1, Selection.ALL)
    assert (second.position, second.requested, second.ended_at) == ("", 0, None)
    assert ended.ended_at
    assert second.last_ended_at == ended.ended_at


def test_restart_begins_anew(ledger: Ledger) -> None:
    """What was noted is forgotten."""
    ledger.progress.advance(noted(ledger.progress.begin(1, Selection.ALL), "7:100", 700))
    assert not ledger.progress.begin(1, Selection.ALL, restart=True).is_resumed


def test_each_selection_and_connection_has_its_own_progress(ledger: Ledger) -> None:
    """An initialize of the unlinked does not disturb one of all."""
    ledger.progress.advance(noted(ledger.progress.begin(1, Selection.ALL), "7:100", 700))
    assert not ledger.progress.begin(1, Selection.UNLINKED).is_resumed
    assert not ledger.progress.begin(2, Selection.ALL).is_resumed
    assert ledger.progress.begin(1, Selection.ALL).is_resumed


def test_run_that_begins_last_owns_the_progress(ledger: Ledger) -> None:
    """The one before it is stopped at its next step, and what it had to note is not."""
    first = ledger.progress.begin(1, Selection.ALL)
    second = ledger.progress.begin(1, Selection.ALL)
    with pytest.raises(TakenOver):
        ledger.progress.advance(noted(first, "7:100", 700))
    assert ledger.progress.advance(noted(second, "1:100", 100)).requested == 100


def test_progress_noted_twice_stays_the_same(ledger: Ledger) -> None:
    """A step whose answer was cut off may be repeated."""
    progress = noted(ledger.progress.begin(1, Selection.ALL), "7:100", 700)
    assert ledger.progress.advance(progress, ended=True) == ledger.progress.advance(progress, ended=True)


# The lists of iPaaS.com -----------------------------------------------------------------------------------------------


@pytest.fixture
def full() -> Iterator[tuple[Sandbox, str]]:
    """Both APIs with three pages of customers, the first of whom is linked."""
    linked = [{"system_id": parts.SYSTEM, "external_id": "7"}]
    people = [{"id": str(number), "email_address": f"c{number}@example.com"} for number in range(1, COUNT + 1)]
    sandbox = Sandbox([people[0] | {"external_ids": linked}, *people[1:]])
    with serve(sandbox) as running:
        yield sandbox, running.url


@pytest.fixture
def runtime(tmp_path: Path, redis_url: str, full: tuple[Sandbox, str]) -> Runtime:
    """The runtime of a process that runs an initialize; no worker runs."""
    connections = parts.write_connections(tmp_path, full[1])
    app.conf.update(broker_url=redis_url)
    app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
    return app.runtime


def requested(runtime: Runtime, selection: Selection = Selection.ALL, limit: int | None = None) -> Progress:
    """Run an initialize as far as it goes."""

    def give_up(error: SyncError, seconds: float) -> None:
        assert seconds
        raise error

    progress = runtime.ledger.progress.begin(parts.SYSTEM, selection)
    *_, last = go_on(runtime, progress, give_up, limit=limit)
    return last.progress


def test_every_customer_of_every_page_is_in_the_ledger(runtime: Runtime, full: tuple[Sandbox, str]) -> None:
    """Once each, with two calls a page: forth and back. A page beyond the last is looked at once."""
    progress = requested(runtime)
    counts = runtime.ledger.counts(Kind.CUSTOMER)
    assert (progress.requested, counts.queued + counts.sent) == (COUNT, COUNT)
    assert progress.ended_at
    assert [call.path for call in full[0].calls] == ["/customers/v2/Customers"] * 7


def test_customers_without_a_link_are_in_the_ledger(runtime: Runtime) -> None:
    """And the linked one is not."""
    assert requested(runtime, Selection.UNLINKED).requested == COUNT - 1
    assert runtime.ledger.record(Job(Kind.CUSTOMER, parts.SYSTEM, "1")) is None


def test_runs_with_a_limit_come_to_the_end_together(runtime: Runtime) -> None:
    """Each goes on where the one before stopped, and no customer is asked for twice."""
    runs = [requested(runtime, limit=120).requested for _ in range(3)]
    assert runs == [120, 240, 250]
    records = runtime.ledger.records([Job(Kind.CUSTOMER, parts.SYSTEM, str(number)) for number in range(1, COUNT + 1)])
    assert [record.wanted for record in records if record] == [1] * COUNT


@pytest.mark.parametrize("selection", Selection)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(api="ipaas", status=401), IPaaSCredentialsRefused),
        (Fault(api="ipaas", status=503), IPaaSReadFailed),
        (Fault(api="ipaas", status=200, body="<html>Log in</html>"), AnswerUnreadable),
        (Fault(api="ipaas", status=200, body={"message": "later"}), AnswerUnreadable),
        (Fault(api="ipaas", status=200, body=""), AnswerUnreadable),
    ],
)
def test_list_that_cannot_be_read_is_an_error_of_the_catalogue(
    runtime: Runtime, full: tuple[Sandbox, str], selection: Selection, fault: Fault, error: type[SyncError]
) -> None:
    """Nothing is asked for, and the progress has not ended."""
    full[0].add_fault(fault)
    with pytest.raises(error):
        requested(runtime, selection)
    assert runtime.ledger.backlog(parts.SYSTEM) == 0
    assert runtime.ledger.progress.begin(parts.SYSTEM, selection).last_ended_at is None


def test_answer_without_content_is_an_empty_list(runtime: Runtime, full: tuple[Sandbox, str]) -> None:
    """Nobody is without a link."""
    full[0].add_fault(Fault(api="ipaas", status=204, body=""))
    progress = requested(runtime, Selection.UNLINKED)
    assert (progress.requested, progress.ended_at is not None) == (0, True)


def test_reading_a_list_waits_for_the_throttle(client: redis.Redis, clock: Clock) -> None:
    """Its calls count like those of jobs, until a window after their longest time."""
    stores = {1: StoreLimits(stamped=None, ipaas=Limit(2, 10))}
    ledger = Ledger(client, stores=stores, replaced={"_clock": VIRTUAL_CLOCK})
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        clock.advance(seconds)

    gate = ThrottledReads(ledger, 1, call_seconds=35, sleep=sleep)
    gate.before_read()
    gate.before_read()
    assert waited == []
    gate.before_read()
    assert round(sum(waited)) == 45
