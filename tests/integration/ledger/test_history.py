"""A job's life on a real Valkey: each attempt that has ended, whoever asked for it, and those of earlier releases."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.jobs import CALLS, FAILURE, JOB, calls_of, claimed
from worker.jobs.asking import Asker, Source
from worker.jobs.calls import Api, MadeCall
from worker.jobs.job import Action, Next, State
from worker.ledger.upkeep import LOSSES_ALLOWED

if TYPE_CHECKING:
    import redis

    from tests.conftest import Clock
    from worker.ledger import Ledger

LISTED = "stamped-sync:history:customer:4021:150713"
UNDER_WAY = {"queued_at", "message_at", "lease_until", "claimed", "messages", "next_version", "triggered"}
UNDER_WAY |= {"asker", "run_for"}
SILENT = MadeCall(Api.STAMPED, "POST", "dashboard/customers/add", None, 15_000)
LONG = MadeCall(Api.IPAAS, "GET", "customers/v2/External/LookupSpaceport/{system_id}/customer/{external_id}", 200, 7)
SENT = ("email", "firstName", "isSubscribed")
WRITE = MadeCall(Api.STAMPED, "POST", "dashboard/customers/{id}", 200, 31, sent=SENT)
NAMED = Asker(Source.RERUN, "anna maria")
MOST_SHAPES = 4096


def complete(ledger: Ledger, calls: list[MadeCall], next_step: Next = Next.NOTHING) -> None:
    """Run the job once, well."""
    ledger.complete(claimed(ledger), calls, Action.UPDATED, "143491", next_step)


@pytest.mark.parametrize(
    "calls", [[], CALLS, [*CALLS, SILENT], [LONG], calls_of(5, 1)], ids=["none", "usual", "unanswered", "long", "many"]
)
def test_an_attempt_is_an_event(ledger: Ledger, calls: list[MadeCall]) -> None:
    """When, how long, what came of it, and each call."""
    complete(ledger, calls)
    [event] = ledger.events.life_of(JOB)
    assert (event.job, event.outcome, event.ms, event.worker, event.failure) == (JOB, Action.UPDATED, 0, "", None)
    assert (event.code, event.note, event.stamped_id) == ("", "", "143491")
    assert event.began_at == event.ended_at
    assert event.calls == calls
    record = ledger.record(JOB)
    assert record
    assert event.tracking_guid == record.tracking_guid


def test_the_newest_attempt_comes_first(ledger: Ledger) -> None:
    """With its error, if it has one."""
    complete(ledger, CALLS[:1])
    ledger.fail(claimed(ledger), CALLS[:2], FAILURE)
    complete(ledger, CALLS)
    shown = [(event.outcome, event.code, len(event.calls)) for event in ledger.events.life_of(JOB)]
    assert shown == [(Action.UPDATED, "", 3), ("failed", FAILURE.code, 2), (Action.UPDATED, "", 1)]
    assert ledger.events.life_of(JOB)[1].failure == FAILURE


@pytest.mark.parametrize("source", [each for each in Source if each not in {Source.UNKNOWN, Source.PERSON}])
def test_an_attempt_knows_who_asked_for_it(ledger: Ledger, source: Source) -> None:
    """And so does that of the subscription job which follows."""
    asker = Asker(source, "anna" if source is Source.RERUN else "")
    ledger.request(JOB, asker)
    ledger.complete(ledger.claim(JOB), CALLS, Action.UPDATED, "143491", Next.SUBSCRIPTION)
    ledger.complete(ledger.claim(JOB.subscription), CALLS, Action.SUBSCRIBED)
    assert [ledger.events.life_of(job)[0].asker for job in (JOB, JOB.subscription)] == [asker, asker]


def test_who_asks_during_a_run_did_not_ask_for_it(ledger: Ledger) -> None:
    """The next run is for them."""
    ledger.request(JOB)
    claim = ledger.claim(JOB)
    ledger.request(JOB, NAMED)
    ledger.complete(claim, CALLS, Action.UPDATED, "143491")
    ledger.complete(ledger.claim(JOB), CALLS, Action.UPDATED, "143491")
    assert [event.asker for event in ledger.events.life_of(JOB)] == [NAMED, Asker()]


def test_an_initialize_takes_no_job_for_its_own_that_waits_already(ledger: Ledger) -> None:
    """Whoever asked first is who asked for it."""
    ledger.request(JOB, NAMED)
    ledger.request(JOB, Asker(Source.INITIALIZE))
    ledger.complete(ledger.claim(JOB), CALLS, Action.UPDATED, "143491")
    assert [event.asker for event in ledger.events.life_of(JOB)] == [NAMED]


def test_the_schedule_is_a_source(ledger: Ledger) -> None:
    """It asks for failed subscription jobs again."""
    job = JOB.subscription
    ledger.request(job, NAMED)
    ledger.fail(ledger.claim(job), CALLS, FAILURE)
    assert ledger.retry_failed(job.kind, for_days=7) == 1
    ledger.admit(job.system_id)
    ledger.complete(ledger.claim(job), CALLS, Action.SUBSCRIBED)
    assert [event.asker for event in ledger.events.life_of(job)] == [Asker(Source.SCHEDULE), NAMED]


def test_names_of_the_fields_that_were_sent_are_kept(ledger: Ledger, client: redis.Redis) -> None:
    """With the routes of the calls: each event points to them."""
    for calls in ([*CALLS, WRITE], CALLS, [WRITE, SILENT], [*CALLS, WRITE]):
        complete(ledger, calls)
    assert [event.sent for event in ledger.events.life_of(JOB)] == [SENT, SENT, (), SENT]
    assert client.hlen("stamped-sync:shapes") == 3


def test_no_more_than_some_thousand_shapes_are_kept(ledger: Ledger, client: redis.Redis) -> None:
    """Of more, each event has its own."""
    client.hset("stamped-sync:shapes", mapping={str(number): "[[], []]" for number in range(MOST_SHAPES)})
    complete(ledger, [WRITE])
    assert ledger.events.life_of(JOB)[0].sent == SENT
    assert client.hlen("stamped-sync:shapes") == MOST_SHAPES


def test_shapes_that_redis_has_lost_are_not_shown(ledger: Ledger, client: redis.Redis) -> None:
    """Nothing else is missing."""
    complete(ledger, [WRITE])
    client.delete("stamped-sync:shapes")
    [event] = ledger.events.life_of(JOB)
    assert (event.sent, event.calls, event.outcome) == ((), [], Action.UPDATED)


def test_attempts_that_an_earlier_release_has_kept_come_last(ledger: Ledger, client: redis.Redis) -> None:
    """In the job's list, and the first of them in its row."""
    complete(ledger, CALLS)
    call = ["iPaaS.com", "GET", "customers/v2/Customer/{id}", 200, 7, 1]
    entry = {"at": 1795710905057, "ms": 53, "worker": "vm/4608 18f5e6", "outcome": "failed", "error": asdict(FAILURE)}
    client.rpush(LISTED, json.dumps(entry | {"calls": [call]}))
    row: dict[Any, Any] = {
        "first": '1795710805057 53 created "vm/4608"',
        "call1": "iPaaS.com GET customers/v2/Customer/{id} 200 7",
    }
    client.hset(ledger.key(JOB), mapping=row | {"call2": "Stamped.io POST dashboard/customers/add - 15000"})
    _, listed, first = ledger.events.life_of(JOB)
    assert (listed.outcome, listed.failure) == ("failed", FAILURE)
    assert (listed.worker, listed.configuration) == ("vm/4608", "18f5e6")
    assert (first.outcome, first.ms, first.asker.source) == ("created", 53, Source.UNKNOWN)
    assert [(call.status, call.ms) for call in first.calls] == [(200, 7), (None, 15_000)]
    assert f"{listed.began_at:%Y-%m-%d %H:%M:%S}" == "2026-11-26 16:35:05"
    assert first.calls[0] == listed.calls[0]


def test_row_of_a_job_that_has_ended_is_short(ledger: Ledger, client: redis.Redis) -> None:
    """It keeps nothing that matters only while the job is under way."""
    complete(ledger, CALLS)
    assert UNDER_WAY.isdisjoint(client.hgetall(ledger.key(JOB)))
    assert client.object("encoding", ledger.key(JOB)) == "listpack"


@pytest.mark.parametrize(
    "name", ["events:asked:1", "marks:asked:1", "chunks:asked", "shapes", "tally:all:20833", "tallies"]
)
def test_what_redis_refuses_of_the_memory_stops_no_job(ledger: Ledger, client: redis.Redis, name: str) -> None:
    """Nor a sweep: it is counted, and the job goes on."""
    client.set("stamped-sync:chunk:asked", 1)
    if name.startswith("marks"):
        client.hset(f"stamped-sync:{name}", "another", "type")
    else:
        client.set(f"stamped-sync:{name}", "another type")
    complete(ledger, [WRITE])
    record = ledger.record(JOB)
    assert record
    assert record.state is State.DONE
    assert client.hget("stamped-sync:totals", "unremembered|customer") == "1"


def test_an_initialize_that_asks_during_a_run_is_who_asked_for_the_next(ledger: Ledger, clock: Clock) -> None:
    """Not whoever asked for the run that it came during."""
    ledger.request(JOB, NAMED)
    claim = ledger.claim(JOB)
    initialize = Asker(Source.INITIALIZE)
    ledger.request(JOB, initialize)
    ledger.complete(claim, CALLS, Action.UPDATED, "143491")
    clock.advance(1)
    ledger.complete(ledger.claim(JOB), CALLS, Action.UPDATED, "143491")
    assert [event.asker for event in ledger.events.life_of(JOB)] == [initialize, NAMED]


def test_a_job_that_kills_its_workers_has_failed(ledger: Ledger, clock: Clock) -> None:
    """Its last event says so, as the chart does."""
    for _ in range(LOSSES_ALLOWED + 1):
        ledger.request(JOB)
        ledger.sweep(JOB.kind)
        ledger.admit(JOB.system_id)
        ledger.claim(JOB)
        clock.advance(60)
        ledger.sweep(JOB.kind)
        clock.advance(60)
        ledger.sweep(JOB.kind)
    outcomes = [event.outcome for event in ledger.events.life_of(JOB)]
    assert outcomes[0] == "failed"
    assert set(outcomes[1:]) <= {"lost"}
