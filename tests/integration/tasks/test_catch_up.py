"""Catch-ups on a real Valkey and over real HTTP: whom they ask for, when, and what they leave to the next call."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tasks.catch_up import catch_up
from tests import parts
from tests.integration.jobs import calls_of
from worker.app import app, celery_settings
from worker.config.settings import Settings
from worker.jobs.catalogue import Failure
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind, State
from worker.jobs.progress import Progress, Selection
from worker.jobs.retries import Pause
from worker.ledger import Ledger, Limit, StoreLimits
from worker.ledger import progress as progress_module
from worker.runtime import Runtime
from worker.sandbox.faults import Fault
from worker.sync import initialize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.integration.stage import Stage
    from worker.sandbox.messages import Answer, Request

ALWAYS = 1e-9
"""Hours after which a catch-up is due at once."""
MISSING = "Missing/4021/customer$"


def job(customer_id: str) -> Job:
    """A customer job."""
    return Job(Kind.CUSTOMER, parts.SYSTEM, customer_id)


@pytest.fixture(autouse=True)
def _known(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was seen before, whose catch-up is due; whoever stopped in one is not waited for."""
    monkeypatch.setattr(progress_module, "LEASE_SECONDS", 0)
    for number in range(1, 6):
        stage.sandbox.put_customer({"id": str(number), "email_address": f"c{number}@example.com"})
    run(24, stage)
    assert progress() is None


def run(hours: float, stage: Stage, **more: Any) -> int:
    """What a worker does when beat calls, with so many hours from one catch-up to the next."""
    settings = app.runtime.settings.model_copy(update={"catch_up_hours": hours})
    stage.patch.setitem(app.__dict__, "runtime", replace(app.runtime, settings=settings, **more))
    return int(catch_up()["requested"])


def progress() -> Progress | None:
    """How far the catch-up has come."""
    [found] = app.runtime.ledger.progress.all_of([parts.SYSTEM], Selection.CATCH_UP)
    return found


def asked_for() -> set[str]:
    """The customers whom the ledger has a job of."""
    ids = [
        *parts.in_state(app.runtime.ledger, State.SENT, Kind.CUSTOMER),
        *parts.in_state(app.runtime.ledger, State.QUEUED, Kind.CUSTOMER),
    ]
    return {record.job.customer_id for record in ids}


def test_customers_without_a_link_are_asked_for(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Those with one are not; the end is logged with the number."""
    linked = [{"system_id": parts.SYSTEM, "external_id": "7"}]
    stage.sandbox.put_customer({"id": "1", "external_ids": linked})
    with caplog.at_level(logging.INFO):
        assert run(ALWAYS, stage) == 5
    assert asked_for() == {"2", "3", "4", "5", "150713"}
    ended = progress()
    assert ended
    assert (ended.requested, ended.ended_at is not None) == (5, True)
    assert "connection 4021: caught up, 5 customers without a link requested, the list read 1 time" in caplog.text
    assert "1 times" not in caplog.text


def test_catch_up_is_not_due_before_its_time(stage: Stage) -> None:
    """Nor does it call iPaaS.com then."""
    assert run(24, stage) == 0
    assert stage.called == []


def test_catch_up_can_be_switched_off(stage: Stage) -> None:
    """By the setting."""
    assert run(0, stage) == 0
    assert stage.called == []


def test_connection_without_the_trigger_is_left_alone(stage: Stage) -> None:
    """It is not to get new customers by itself."""
    connections = parts.write_connections(stage.folder, stage.url, more='triggers = ["customer/updated"]')
    text = connections.read_text(encoding="utf-8").replace('\ntriggers = ["customer/updated"]', "")
    connections.write_text(text.replace("name = ", 'triggers = ["customer/updated"]\nname = '), encoding="utf-8")
    runtime = Runtime.build(app.runtime.settings)
    assert run(ALWAYS, stage, connections=runtime.connections) == 0
    assert stage.called == []


def test_customers_who_are_under_way_or_have_failed_are_left_alone(stage: Stage) -> None:
    """A failed one stands in Error Logs; asking every night would only repeat it."""
    stage.ledger.request(job("1"))
    stage.ledger.fail(stage.ledger.claim(job("1")), [], Failure("email-missing"))
    stage.ledger.request(job("2"))
    assert run(ALWAYS, stage) == 4
    assert stage.record(job("1")).state is State.FAILED
    assert stage.record(job("2")).wanted == 1


def test_customer_who_was_asked_for_is_not_again_the_next_night(stage: Stage) -> None:
    """Nor if somebody discarded the failure; a new one is."""
    assert run(ALWAYS, stage) == 6
    claim = stage.ledger.claim(job("1"))
    stage.ledger.fail(claim, [], Failure("email-missing"))
    stage.ledger.discard_all([job("1")])
    stage.sandbox.put_customer({"id": "6"})
    assert run(ALWAYS, stage) == 1
    assert stage.ledger.record(job("1")) is None


def test_list_that_is_longer_than_one_call_has_time_for_is_gone_on_with(stage: Stage) -> None:
    """Each call does a piece of it, and whoever comes next goes on."""
    ids = [str(number) for number in range(1_000, 1_040)]
    list_in_pages(stage, ids)
    pieces = list[int]()
    while (found := progress()) is None or not found.ended_at:
        pieces.append(run(ALWAYS, stage, clock=ticking()))
        assert len(pieces) < 40
    assert sum(pieces) == len(ids)
    assert asked_for() == {*ids}
    assert max(pieces) <= 20


def list_in_pages(stage: Stage, ids: list[str], size: int = 5) -> None:
    """Let the list of those without a link come in pages."""
    total = -(-len(ids) // size)
    real = stage.sandbox.answer

    def answer(request: Request) -> Answer:
        if not request.path.endswith("/Missing/4021/customer"):
            return real(request)
        page = int(request.query.get("pageNumber", 1))
        body = ids[(page - 1) * size : page * size]
        answered = real(request)
        return replace(answered, value=body, headers={"X-Pagination": f'{{"total_Pages":{total}}}'})

    stage.patch.setattr(stage.sandbox, "answer", answer)


def ticking() -> Callable[[], float]:
    """A clock by which a call has time for a few pages."""
    times = count(0, 4)
    return lambda: float(next(times))


def test_no_more_jobs_wait_than_an_initialize_allows(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest comes with a later call, without waiting in the worker's thread."""
    monkeypatch.setattr(initialize, "MOST_QUEUED", 3)
    monkeypatch.setattr(initialize, "AT_ONCE", 2)
    stage.patch.setitem(app.__dict__, "runtime", replace(app.runtime, ledger=slow_ledger(stage)))
    assert run(ALWAYS, stage) == 4
    assert run(ALWAYS, stage) == 0
    stage.client.delete(*stage.client.scan_iter("stamped-sync:queued:*"))
    assert run(ALWAYS, stage) == 2


def slow_ledger(stage: Stage) -> Ledger:
    """A ledger that lets no job run."""
    return Ledger(stage.client, stores={parts.SYSTEM: StoreLimits(concurrent=0)})


def test_store_that_is_held_is_left_to_a_later_call(stage: Stage) -> None:
    """Its jobs would only wait."""
    stage.ledger.request(job("1"))
    failure = Failure("stamped-credentials-refused", 401)
    stage.ledger.hold(stage.ledger.claim(job("1")), calls_of(0, 1, Intent.STORES), failure, Pause(3600, 3600))
    assert run(ALWAYS, stage) == 0
    assert stage.called == []
    stage.ledger.release(parts.SYSTEM)
    assert run(ALWAYS, stage) == 5


def test_throttle_without_room_is_left_to_a_later_call(stage: Stage) -> None:
    """A worker's thread waits for nothing."""
    ledger = Ledger(stage.client, stores={parts.SYSTEM: StoreLimits(stamped=None, ipaas=Limit(1, 3600))})
    assert ledger.book(parts.SYSTEM, "ipaas", 1)
    assert run(ALWAYS, stage, ledger=ledger) == 0
    assert stage.called == []


@pytest.mark.parametrize(
    "fault", [Fault(api="ipaas", status=503, path=MISSING), Fault(api="ipaas", status=401, path=MISSING)]
)
def test_api_that_does_not_answer_is_left_to_a_later_call_and_logged_once(
    stage: Stage, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    """Not every few minutes; once it answers, the catch-up goes on."""
    stage.sandbox.add_fault(fault)
    assert [run(ALWAYS, stage) for _ in range(3)] == [0, 0, 0]
    assert len([line for line in caplog.messages if "the catch-up waits" in line]) == 1
    stage.sandbox.clear_faults()
    assert run(ALWAYS, stage) == 6


def test_redis_that_is_away_ends_a_call_without_a_traceback(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """The next one goes on."""
    stage.move_ledger("redis://127.0.0.1:1/0")
    assert run(ALWAYS, stage) == 0
    assert "catch-up: goes on later, redis-unavailable" in caplog.text


def test_several_at_once_ask_for_nobody_twice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second leaves it to the first."""
    monkeypatch.setattr(progress_module, "LEASE_SECONDS", 60)
    counts: list[int] = []
    while_read(stage, lambda: counts.append(run(ALWAYS, stage)))
    assert run(ALWAYS, stage) == 6
    assert counts == [0]
    assert {record.wanted for record in stage.ledger.records([job(each) for each in asked_for()]) if record} == {1}


def test_call_that_was_taken_over_ends(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """It had been stopped for so long that another one has gone on."""
    others: list[Progress | None] = []
    while_read(stage, lambda: others.append(stage.ledger.progress.begin_catch_up(parts.SYSTEM, 0)))
    run(ALWAYS, stage)
    found, [other] = progress(), others
    assert found
    assert other
    assert (found.token, found.ended_at, caplog.text) == (other.token, None, "")


def while_read(stage: Stage, act: Callable[[], None]) -> None:
    """Do something while the next page is read."""
    real = stage.sandbox.answer

    def answer(request: Request) -> Answer:
        stage.patch.setattr(stage.sandbox, "answer", real)
        act()
        return real(request)

    stage.patch.setattr(stage.sandbox, "answer", answer)


def test_beat_calls_it_and_nothing_lets_a_call_expire() -> None:
    """A clock that is ahead on one machine must not throw the calls away."""
    entry = schedule_of(Settings())
    assert entry
    assert "expires" not in entry["options"]
    assert schedule_of(Settings(catch_up_hours=0)) is None


def schedule_of(settings: Settings) -> dict[str, Any] | None:
    """What beat knows of the catch-up."""
    entries: Iterable[dict[str, Any]] = celery_settings(settings)["beat_schedule"].values()
    return next((entry for entry in entries if entry["task"] == "stamped.catch_up"), None)
