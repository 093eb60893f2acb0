"""A store that is held because its subscription can't be read, before any job: by whom, how long, and who lets go."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from tasks import stores
from tests import parts
from tests.integration.jobs import calls_of, taken
from tests.integration.stage import JOB, Stage, transferred
from tests.integration.tasks.test_subscription_settings import SETTINGS, _open_stage, make_old, probe, rotate
from worker.app import app
from worker.jobs.catalogue import Failure
from worker.jobs.job import Kind
from worker.jobs.retries import Pause
from worker.reloading import Reloader
from worker.runtime import Runtime
from worker.sandbox.faults import Fault
from worker.telemetry import sentry

if TYPE_CHECKING:
    from worker.ledger.hold import Hold

__all__ = ["_open_stage"]
HOLD = f"stamped-sync:hold:{parts.SYSTEM}"
UNREADABLE = Fault(path=SETTINGS, status=503)


def hold(stage: Stage) -> Hold | None:
    """The store's hold."""
    return next(iter(stage.ledger.holds()), None)


def told(stage: Stage) -> dict[str, int]:
    """How many holds were told, by their code."""
    totals = stage.ledger.figures().totals
    return {labels[2]: count for labels, count in totals.items() if labels[0] == "holds"}


def next_round(stage: Stage, reader: stores.Reader) -> None:
    """What a worker does some seconds later, when it is its turn."""
    stage.client.delete("stamped-sync:done-at")
    make_old(5)
    reader.read_due()


def other_process(stage: Stage) -> Runtime:
    """Another worker, which has read nothing yet, from now on; answers the one before."""
    before = app.runtime
    stage.patch.setitem(app.__dict__, "runtime", Runtime.build(before.settings))
    return before


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (UNREADABLE, "ipaas-unavailable"),
        (Fault(path=SETTINGS, cut="before"), "ipaas-unreachable"),
        (Fault(path=SETTINGS, shape="html"), "answer-unreadable"),
        (Fault(path=SETTINGS, status=401), "ipaas-credentials-refused"),
        (Fault(path=SETTINGS, status=404, body={"code": "NFND-1005"}), "ipaas-system-refused"),
        (Fault(path=SETTINGS, status=400, body={"message": "no"}), "ipaas-unavailable"),
        (Fault(path=SETTINGS, status=429), "ipaas-calls-limited"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_store_is_held_before_any_job_and_told_once(
    open_stage: Stage, fault: Fault, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words that a job would have had, which meets the same and is no news."""
    reported: list[str] = []
    monkeypatch.setattr(sentry, "report_hold", lambda _, error: reported.append(error.failure.code))
    open_stage.sandbox.add_fault(fault)
    reader = stores.Reader()
    reader.read_due()
    found = hold(open_stage)
    assert found
    assert (found.code, found.api, found.is_of_reading) == (code, "ipaas", True)
    open_stage.ledger.request(JOB)
    probe(open_stage)
    assert (told(open_stage), reported) == ({code: 1}, [code])
    found = hold(open_stage)
    assert found
    assert (found.code, found.is_of_reading) == (code, True)


@pytest.mark.parametrize("has_job", [False, True])
def test_it_is_let_go_once_the_subscription_can_be_read(open_stage: Stage, *, has_job: bool) -> None:
    """Whether a job waits, and has met the same meanwhile, or none."""
    open_stage.sandbox.add_fault(UNREADABLE)
    reader = stores.Reader()
    reader.read_due()
    if has_job:
        open_stage.ledger.request(JOB)
        probe(open_stage)
        open_stage.client.hset(HOLD, "until", str(int(time.time() * 1000) + 600_000))
    assert hold(open_stage)
    open_stage.sandbox.clear_faults()
    open_stage.client.delete("stamped-sync:done-at")
    reader.read_due()
    assert not hold(open_stage)


def test_it_is_for_what_is_wrong_now(open_stage: Stage) -> None:
    """An operator would look at the wrong thing otherwise; each trouble is told once."""
    open_stage.sandbox.add_fault(UNREADABLE)
    reader = stores.Reader()
    reader.read_due()
    refused = 401, "ipaas-credentials-refused"
    for status, code in (refused, (503, "ipaas-unavailable"), refused):
        open_stage.sandbox.clear_faults()
        open_stage.sandbox.add_fault(Fault(path=SETTINGS, status=status))
        open_stage.client.hset(HOLD, "until", str(int(time.time() * 1000) - 1))
        open_stage.client.delete("stamped-sync:done-at")
        reader.read_due()
        found = hold(open_stage)
        assert found
        assert (found.code, found.is_of_reading) == (code, True)
    assert told(open_stage) == {"ipaas-unavailable": 1, "ipaas-credentials-refused": 1}


def test_pause_that_ipaas_asks_for_is_kept(open_stage: Stage) -> None:
    """Nobody looks meanwhile, and a good answer to somebody else does not end it."""
    open_stage.sandbox.add_fault(Fault(path=SETTINGS, status=429, headers={"Retry-After": "300"}))
    reader = stores.Reader()
    reader.read_due()
    for _ in range(4):
        open_stage.client.delete("stamped-sync:done-at")
        reader.read_due()
    assert open_stage.called.count(str(parts.SYSTEM)) == 1
    open_stage.sandbox.clear_faults()
    found = hold(open_stage)
    assert found
    assert found.is_limited
    assert not open_stage.ledger.end(found)
    assert hold(open_stage) == found


def test_throttle_of_ours_holds_nobody(open_stage: Stage, redis_url: str) -> None:
    """It is used up by jobs, most likely: iPaaS.com was not even asked."""
    text = parts.open_connection(open_stage.url).replace(
        "ipaas = {", "ipaas = { throttle = { limit = 5, seconds = 60 },"
    )
    (open_stage.folder / "connections.toml").write_text(text, encoding="utf-8")
    open_stage.build(redis_url)
    open_stage.patch.setattr(stores, "SLOT_SECONDS", 0.1)
    for _ in range(5):
        open_stage.ledger.book(parts.SYSTEM, "ipaas", 20)
    stores.Reader().read_due()
    assert not open_stage.called
    assert not hold(open_stage)


def test_store_that_is_not_known_any_more_is_not_held(open_stage: Stage) -> None:
    """The connection was removed while its subscription was read."""
    open_stage.sandbox.add_fault(UNREADABLE)
    source = stores._source  # noqa: SLF001 - where it is removed

    def removed(*args: object) -> object:
        found = source(*args)  # type: ignore[arg-type] # as it is called
        app.runtime.ledger.reconfigure({}, "other")
        return found

    open_stage.patch.setattr(stores, "_source", removed)
    stores.Reader().read_due()
    assert not hold(open_stage)


def test_store_of_which_jobs_end_well_is_left_to_them(open_stage: Stage) -> None:
    """One answer to a newcomer does not stop what others do."""
    transferred(open_stage)
    other_process(open_stage)
    open_stage.sandbox.add_fault(UNREADABLE)
    stores.Reader().read_due()
    assert not hold(open_stage)


def test_process_that_alone_cannot_read_holds_the_store_once(
    open_stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """The others let go, as they can read it; that goes on for no minute after minute."""
    caplog.set_level(logging.WARNING)
    able, mine = stores.Reader(), stores.Reader()
    able.read_due()
    before = other_process(open_stage)
    after = app.runtime
    for _ in range(3):
        open_stage.patch.setitem(app.__dict__, "runtime", after)
        open_stage.sandbox.add_fault(UNREADABLE)
        mine._not_before.clear()  # noqa: SLF001 - a minute later
        mine.read_due()
        open_stage.sandbox.clear_faults()
        open_stage.patch.setitem(app.__dict__, "runtime", before)
        next_round(open_stage, able)
        assert not hold(open_stage)
    assert told(open_stage) == {"ipaas-unavailable": 1}
    assert caplog.text.count("no longer held") == 1


def test_hold_that_proves_itself_stays_what_it_is(open_stage: Stage) -> None:
    """A newcomer that can't read does not take its place: whoever can would end it, and the keys are still refused."""
    stores.Reader().read_due()
    rotate(open_stage, in_subscription=False)
    transferred(open_stage)
    open_stage.client.hset(HOLD, mapping={"level": "7", "until": str(int(time.time() * 1000) - 50)})
    other_process(open_stage)
    open_stage.sandbox.add_fault(UNREADABLE)
    stores.Reader().read_due()
    found = hold(open_stage)
    assert found
    assert (found.code, found.is_of_reading) == ("stamped-credentials-refused", False)
    assert open_stage.client.hget(HOLD, "level") == "7"


def test_file_that_names_everything_ends_it(open_stage: Stage) -> None:
    """What could not be read is not needed any more."""
    open_stage.sandbox.add_fault(Fault(path=SETTINGS, status=403))
    stores.Reader().read_due()
    open_stage.client.hset(HOLD, "until", str(int(time.time() * 1000) + 600_000))
    reloader = Reloader(app)
    (open_stage.folder / "connections.toml").write_text(parts.connection(open_stage.url), encoding="utf-8")
    assert reloader.look()
    reloader.end_holds()
    assert not hold(open_stage)


def test_pause_follows_the_clock_as_the_hold_does(open_stage: Stage) -> None:
    """A clock that steps back leaves neither an hour ahead."""
    ledger, client = open_stage.ledger, open_stage.client
    ledger.request(JOB)
    taken(ledger)
    ledger.hold(
        ledger.claim(JOB), calls_of(1, 0), Failure("ipaas-credentials-refused", 401), Pause(60, 60, is_limit=True)
    )
    for name in ("until", "limited_until"):
        client.hincrby(HOLD, name, 3_600_000)
    ledger.sweep(Kind.CUSTOMER)
    until, limited_until = (int(client.hget(HOLD, name) or 0) for name in ("until", "limited_until"))
    assert limited_until <= until <= time.time() * 1000 + 61_000


def test_connection_that_is_gone_is_held_no_more(open_stage: Stage) -> None:
    """Nobody would try it, and `check` would fail for it."""
    open_stage.sandbox.add_fault(UNREADABLE)
    stores.Reader().read_due()
    assert hold(open_stage)
    reloader = Reloader(app)
    other = parts.connection(open_stage.url, system_id=5000)
    (open_stage.folder / "connections.toml").write_text(other, encoding="utf-8")
    assert reloader.look()
    reloader.end_holds()
    assert not hold(open_stage)
