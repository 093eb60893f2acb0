"""A worker killed with SIGKILL around every side effect that the code declares: nothing lost, nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.integration.jobs import CALLS
from worker.app import app
from worker.config.settings import Settings
from worker.effects import Effect, Moment
from worker.jobs.asking import Source
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind
from worker.jobs.progress import Selection
from worker.jobs.retries import Pause
from worker.ledger import Counts, Ledger, Refusal, StoreLimits, connect
from worker.ledger.memory.event import EventFilter
from worker.runtime import Runtime
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from worker.jobs.job import State
    from worker.sandbox.server import RunningSandbox, Sandbox

ID = "150713"
JOB = Job(Kind.CUSTOMER, parts.SYSTEM, ID)
USUAL_LIMIT = 500
"""Calls of Stamped.io that a connection may make in its window, where its file says nothing of it."""
NOT_SOON_SECONDS = 60
SUBSCRIPTIONS_PATH = "survey/(un)?subscribe$"
TRIGGER = {
    "id": "6f0c",
    "attempt": 0,
    "notifications": [
        {"id": ID, "destination": str(parts.SYSTEM), "scope": "customer/deleted", "tracking_guid": "0a8e0a8e"},
        {"id": ID, "destination": str(parts.SYSTEM), "scope": "customer/updated", "tracking_guid": "0a8e0a8e"},
    ],
}


@dataclass
class Stage:
    """One worker that will be killed once, and the parts around it."""

    folder: Path
    env: dict[str, str]
    sandbox: Sandbox
    runtime: Runtime
    client: redis.Redis

    @property
    def killed(self) -> Path:
        """The file that is made at the kill."""
        return self.folder / "killed"

    def worker(self) -> Any:
        """The killable worker: killed at its first start, left alone at its second."""
        return parts.worker_process(self.env, self.folder / "worker.log", app="tests.acceptance.killable")

    def map_subscription(self, value: bool) -> None:
        """Map IsSubscribed to a Static value."""
        parts.write_connections(self.folder, self.env["SANDBOX"], subscription=value)

    def link_existing(self, *, subscribed: bool) -> None:
        """Put the customer into Stamped.io under its id, linked, with that subscription state."""
        runtime = self.runtime
        gate = AlwaysOpen()
        store = runtime.store(parts.SYSTEM, gate)
        created = store.create({"email": "zoe@example.com", "firstName": "old"})
        if not subscribed:
            store.unsubscribe("zoe@example.com")
        runtime.source(parts.SYSTEM, "0a8e0a8e", gate).record_link(ID, str(created.id))


class AlwaysOpen:
    """A gate for calls that prepare a test."""

    def before_read(self) -> None:
        """Let it through."""

    def before_write(self) -> None:
        """Let it through."""


def submit(_: Stage) -> None:
    """Ask for the customer as the listener of another language does: through the task."""
    app.send_task("stamped.accept_trigger", args=(TRIGGER,), queue="upkeep")


def request_without_message(stage: Stage) -> None:
    """Ask for the customer, and lose the message."""
    stage.runtime.ledger.request(JOB)


def create(stage: Stage) -> None:
    """A new customer, to be unsubscribed."""
    stage.map_subscription(value=False)


def update(stage: Stage) -> None:
    """A linked customer, to be subscribed."""
    stage.link_existing(subscribed=False)


def defer(stage: Stage) -> None:
    """A new customer whose create is answered 503 once."""
    create(stage)
    stage.sandbox.add_fault(Fault(api="stamped", path="customers/add", status=503, times=1))


def hold(stage: Stage) -> None:
    """A new customer whose create is answered 429 once."""
    create(stage)
    fault = Fault(api="stamped", path="customers/add", status=429, headers={"Retry-After": "1"}, times=1)
    stage.sandbox.add_fault(fault)


def request_without_room(stage: Stage) -> None:
    """Ask for the customer while its store may get no job, so that it waits for its turn."""
    no_room = {parts.SYSTEM: StoreLimits(concurrent=0)}
    Ledger(connect(stage.env["STAMPED_SYNC_REDIS_URL"]), stores=no_room).request(JOB)


def fail(stage: Stage) -> None:
    """A new customer whose create is refused once."""
    create(stage)
    stage.sandbox.add_fault(Fault(api="stamped", path="customers/add", status=422, times=1))


def fail_subscription(stage: Stage) -> None:
    """A customer whose unsubscribe was refused, so that its subscription job has failed."""
    create(stage)
    stage.sandbox.add_fault(Fault(api="stamped", path=SUBSCRIPTIONS_PATH, status=422, times=1))
    request_without_message(stage)
    with parts.worker_process(stage.env, stage.folder / "before.log"):
        parts.eventually(lambda: state_of(stage, JOB) == "done" or sweep())
        parts.eventually(lambda: state_of(stage, JOB.subscription) == "failed")


def gone(stage: Stage) -> None:
    """A linked customer that is gone from the store, whose throttle has no room for one call more than usual."""
    stage.link_existing(subscribed=True)
    stage.map_subscription(value=True)
    stage.sandbox.delete_stamped_customer(stage.sandbox.links[parts.SYSTEM][ID])
    now, _ = stage.client.time()
    taken = {f"other {number}": (now + NOT_SOON_SECONDS) * 1000 for number in range(USUAL_LIMIT - 1)}
    stage.client.zadd(f"stamped-sync:slots:stamped:{parts.SYSTEM}", taken)


def make_room(stage: Stage) -> None:
    """The other calls count no longer."""
    stage.client.delete(f"stamped-sync:slots:stamped:{parts.SYSTEM}")


def retry_failed(_: Stage) -> None:
    """What beat does every hour."""
    app.send_task("stamped.retry_failed_subscriptions", queue="upkeep")


def rerun_failed(stage: Stage) -> None:
    """What an operator does with a failed job."""
    if state_of(stage, JOB) == "failed":
        app.send_task("stamped.rerun", args=("customer", parts.SYSTEM, ID), queue="upkeep")


def first_seen(stage: Stage) -> None:
    """A new customer, whose trigger never came, of a connection that was seen before."""
    create(stage)
    stage.runtime.ledger.progress.begin_catch_up(parts.SYSTEM, 3600)


def catch_up(stage: Stage) -> None:
    """What beat does every few minutes, when whoever was at it has noted nothing for a minute."""
    key = f"stamped-sync:initialize:{parts.SYSTEM}:catch-up"
    with connect(stage.env["STAMPED_SYNC_REDIS_URL"]) as client:
        if client.hexists(key, "moved_at"):
            client.hset(key, "moved_at", 1)
    app.send_task("stamped.catch_up", queue="upkeep")


@dataclass(frozen=True)
class Scenario:
    """How a worker comes to have a side effect, and what happens again after the kill as it would in life."""

    prepare: Callable[[Stage], None]
    start: Callable[[Stage], None]
    again: Callable[[Stage], None] | None = None


NEW = Scenario(create, submit)
SCENARIOS = {
    # Who hands a trigger over and gets no answer sends it again.
    Effect.REQUEST: Scenario(create, submit, again=submit),
    Effect.REFUSE: Scenario(create, submit, again=submit),
    Effect.CLAIM: NEW,
    # It comes at any time, also with a message in hand that is not noted yet: a job in the ledger survives that.
    Effect.NOTE_PROCESS: Scenario(create, request_without_message),
    Effect.RENEW: NEW,
    Effect.CREATE_CUSTOMER: NEW,
    Effect.RECORD_LINK: NEW,
    Effect.COMPLETE: NEW,
    Effect.UNSUBSCRIBE: NEW,
    Effect.UPDATE_CUSTOMER: Scenario(update, submit),
    Effect.SUBSCRIBE: Scenario(update, submit),
    Effect.DEFER: Scenario(defer, submit),
    Effect.HOLD: Scenario(hold, submit),
    Effect.PUT_BACK: Scenario(gone, submit, again=make_room),
    Effect.ADMIT: Scenario(create, request_without_room),
    # An operator runs a failed job again once its cause is gone.
    Effect.FAIL: Scenario(fail, submit, again=rerun_failed),
    Effect.SWEEP: Scenario(create, request_without_message),
    Effect.IS_DUE: Scenario(create, request_without_message),
    Effect.FORGET_EVENTS: Scenario(create, request_without_message),
    Effect.RETRY_FAILED: Scenario(fail_subscription, retry_failed, again=retry_failed),
    Effect.BEGIN_CATCH_UP: Scenario(first_seen, catch_up, again=catch_up),
    Effect.BOOK: Scenario(first_seen, catch_up, again=catch_up),
    Effect.ADVANCE_INITIALIZE: Scenario(first_seen, catch_up, again=catch_up),
}
"""Every side effect of a worker."""
INITIALIZE = (Effect.BEGIN_INITIALIZE, Effect.BOOK, Effect.REQUEST, Effect.ADVANCE_INITIALIZE)
"""What an initialize does; it runs in the command line."""
REPAIR = (Effect.REPAIR_ROWS, Effect.REPAIR_PLACES, Effect.REPAIR_STORE)
"""What a repair does; so does it."""
PERSONS = (Effect.PAUSE, Effect.RESUME, Effect.ACKNOWLEDGE, Effect.DISMISS, Effect.NOTE_CHANGE)
COMMANDS = {Effect.DISCARD, Effect.RELEASE, *PERSONS, Effect.BEGIN_INITIALIZE, *REPAIR}
"""Those that only the command line has: each has its own test below."""
OWN_TEST = {Effect.LEAVE, Effect.HOLD_STORE}
"""Other effects of a worker that have their own tests."""
ELSEWHERE = Job(Kind.CUSTOMER, 5000, ID)
"""A job of a connection that the worker does not know."""


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, client: redis.Redis, sandbox: RunningSandbox) -> Stage:
    """The parts, with nothing prepared."""
    connections = parts.write_connections(tmp_path, sandbox.url, subscription=True)
    killed = str(tmp_path / "killed")
    due = {"STAMPED_SYNC_CATCH_UP_HOURS": "0.000001"}
    env = parts.environment(redis_url, connections, SANDBOX=sandbox.url, KILLED=killed, KILL_AT="", **due)
    app.conf.update(broker_url=redis_url)
    app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
    return Stage(tmp_path, env, sandbox.sandbox, app.runtime, client)


def state_of(stage: Stage, job: Job) -> State | None:
    """Where a job stands."""
    record = stage.runtime.ledger.record(job)
    return record.state if record else None


def sweep() -> bool:
    """What beat does every few seconds, so that these tests need no beat."""
    app.send_task("stamped.sweep", queue="upkeep", expires=2)
    return False


def is_settled(stage: Stage) -> bool:
    """Whether both jobs are done."""
    sweep()
    return state_of(stage, JOB) == "done" and state_of(stage, JOB.subscription) == "done"


def assert_carried_over(stage: Stage) -> None:
    """One Stamped.io customer, as mapped, with its link and its subscription state, and no job left behind."""
    (customer,) = stage.sandbox.stamped_customers.values()
    assert (customer["email"], customer["firstName"], customer["externalId"]) == ("zoe@example.com", "Zoë", "C-713")
    assert stage.sandbox.links[parts.SYSTEM][ID] == str(customer["id"])
    mapping = (stage.folder / "mapping.toml").read_text(encoding="utf-8")
    assert customer["isSubscribed"] is ("value = true" in mapping)
    for kind in Kind:
        counts = stage.runtime.ledger.counts(kind)
        assert counts == Counts(queued=0, sent=0, running=0, waiting=0, done=1, failed=0)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("effect", SCENARIOS)
def test_worker_killed_around_a_side_effect_loses_and_repeats_nothing(
    stage: Stage, effect: Effect, moment: Moment
) -> None:
    """After the restart there is one Stamped.io customer, with its link and its subscription state."""
    scenario = SCENARIOS[effect]
    scenario.prepare(stage)
    stage.env["KILL_AT"] = f"{effect}:{moment}"
    scenario.start(stage)
    with stage.worker() as worker:
        parts.eventually(lambda: stage.killed.exists() or sweep())
        worker.wait()
    if scenario.again:
        # What the killed worker had taken is lost, as it can be; if it came again just now, another run would follow.
        stage.client.delete("unacked", "unacked_index")
        scenario.again(stage)
    with stage.worker():
        parts.eventually(lambda: is_settled(stage))
    assert_carried_over(stage)


@pytest.mark.parametrize("moment", Moment)
def test_worker_killed_with_a_message_in_hand_loses_nothing(stage: Stage, moment: Moment) -> None:
    """The message is nowhere any more, as nobody has noted it. The sweep of the next worker sends another."""
    create(stage)
    stage.env["KILL_AT"] = f"take:{moment}"
    request_without_room(stage)
    with stage.worker() as worker:
        parts.eventually(stage.killed.exists)
        worker.wait()
    assert stage.client.exists("customers", "unacked") == 0
    assert state_of(stage, JOB) == "sent"
    with stage.worker():
        parts.eventually(lambda: is_settled(stage))
    assert_carried_over(stage)


@pytest.mark.parametrize("moment", Moment)
def test_worker_killed_while_it_leaves_a_job_loses_nothing(stage: Stage, moment: Moment) -> None:
    """One of a connection that it does not know, taken by a thread that carries on: it waits for one that does."""
    create(stage)
    stage.env |= {
        "KILL_AT": f"{Effect.LEAVE}:{moment}",
        "STAMPED_SYNC_CONCURRENCY": "1",
        "STAMPED_SYNC_CARRY_ON_JOBS": "1",
    }
    knows_it = Ledger(stage.client)
    knows_it.request_all([JOB, ELSEWHERE])
    with stage.worker() as worker:
        parts.eventually(stage.killed.exists)
        worker.wait()
    with stage.worker():
        parts.eventually(lambda: is_settled(stage))
        parts.eventually(lambda: state_of(stage, ELSEWHERE) == "queued" or sweep())
    assert not stage.client.smembers(f"stamped-sync:admitted:{ELSEWHERE.system_id}")
    knows_it.admit(ELSEWHERE.system_id)
    assert knows_it.claim(ELSEWHERE).version == 1


@pytest.mark.parametrize("moment", Moment)
def test_worker_killed_around_the_hold_of_a_store_that_it_cannot_read(stage: Stage, moment: Moment) -> None:
    """The next one holds it, or finds it held; both let go once iPaaS.com answers."""
    url = stage.env["SANDBOX"]
    alone = f'[[connection]]\nsystem_id = {parts.SYSTEM}\nipaas = {{ api_url = "{url}", token = "{parts.TOKEN}" }}\n'
    (stage.folder / "connections.toml").write_text(alone, encoding="utf-8")
    stage.sandbox.add_fault(Fault(api="ipaas", path="Subscription", cut="before"))
    stage.env["KILL_AT"] = f"{Effect.HOLD_STORE}:{moment}"
    with stage.worker() as worker:
        parts.eventually(stage.killed.exists)
        worker.wait()
    assert len(stage.runtime.ledger.holds()) == (moment is Moment.AFTER)
    with stage.worker():
        (hold,) = parts.eventually(stage.runtime.ledger.holds)
        assert (hold.code, hold.is_of_reading) == ("ipaas-unreachable", True)
        stage.sandbox.clear_faults()
        parts.eventually(lambda: not stage.runtime.ledger.holds())


def run_killed(stage: Stage, effect: Effect, moment: Moment, *command: str) -> None:
    """Run a command that is killed there."""
    stage.env["KILL_AT"] = f"{effect}:{moment}"
    assert exit_code(stage, *command) == -signal.SIGKILL


def exit_code(stage: Stage, *command: str) -> int:
    """How a command ends; it is killed once at most."""
    line = [sys.executable, "-m", "tests.acceptance.killable", *command]
    return subprocess.run(line, env=stage.env, check=False).returncode


@pytest.mark.parametrize("moment", Moment)
def test_command_killed_around_a_discard_can_be_given_again(stage: Stage, moment: Moment) -> None:
    """A discard that was cut off either happened or did not; given again, the job is gone."""
    ledger = stage.runtime.ledger
    ledger.request(JOB)
    ledger.fail(ledger.claim(JOB), CALLS, Failure("customer-write-failed", 422))
    command = ("discard", str(parts.SYSTEM), ID)
    run_killed(stage, Effect.DISCARD, moment, *command)
    assert (state_of(stage, JOB) == "failed") is (moment is Moment.BEFORE)
    assert exit_code(stage, *command) == 0
    assert state_of(stage, JOB) is None


@pytest.mark.parametrize("moment", Moment)
def test_command_killed_around_a_release_can_be_given_again(stage: Stage, moment: Moment) -> None:
    """A release that was cut off either happened or did not; given again, the store is held no more."""
    ledger = stage.runtime.ledger
    ledger.request(JOB)
    pause = Pause(3600, 3600)
    ledger.hold(ledger.claim(JOB), CALLS, Failure("stamped-credentials-refused", 401), pause)
    command = ("release", str(parts.SYSTEM))
    run_killed(stage, Effect.RELEASE, moment, *command)
    assert bool(ledger.holds()) is (moment is Moment.BEFORE)
    assert exit_code(stage, *command) == 0
    assert ledger.holds() == []
    assert state_of(stage, JOB) == "queued"


@pytest.mark.parametrize("moment", Moment)
def test_command_killed_around_a_pause_or_its_end_can_be_given_again(stage: Stage, moment: Moment) -> None:
    """Either happened or did not, together with what is remembered of it; given again, it is so, and once."""
    ledger, system = stage.runtime.ledger, str(parts.SYSTEM)
    run_killed(stage, Effect.PAUSE, moment, "pause", system)
    assert bool(ledger.holds()) is bool(persons(stage)) is (moment is Moment.AFTER)
    assert exit_code(stage, "pause", system) == 0
    stage.killed.unlink()
    ledger.request(JOB)
    run_killed(stage, Effect.RESUME, moment, "resume", system)
    assert bool(ledger.holds()) is (moment is Moment.BEFORE)
    assert exit_code(stage, "resume", system) == 0
    ledger.admit_due()
    assert state_of(stage, JOB) == "sent"
    assert persons(stage) == ["resumed", "paused"]


@pytest.mark.parametrize("moment", Moment)
def test_command_killed_around_its_note_did_what_it_notes(stage: Stage, moment: Moment) -> None:
    """What people do comes before it is remembered: at worst nobody knows who it was."""
    run_killed(stage, Effect.NOTE_CHANGE, moment, "note", str(parts.SYSTEM))
    assert persons(stage) == (["requested"] if moment is Moment.AFTER else [])


@pytest.mark.parametrize("moment", Moment)
def test_change_killed_around_a_note_or_a_dismissal_can_be_made_again(stage: Stage, moment: Moment) -> None:
    """What is changed and what is remembered of it come together."""
    ledger, system = stage.runtime.ledger, str(parts.SYSTEM)
    run_killed(stage, Effect.ACKNOWLEDGE, moment, "acknowledge", system)
    assert persons(stage) == (["acknowledged"] if moment is Moment.AFTER else [])
    assert stage.client.hlen("stamped-sync:notes") == len(persons(stage))
    stage.killed.unlink()
    ledger.refuse(Refusal("scope-unsupported", "", "trigger", 1, system, "customer/deleted", ID))
    run_killed(stage, Effect.DISMISS, moment, "dismiss", system)
    assert len(ledger.refusals()) == (moment is Moment.BEFORE)
    assert exit_code(stage, "dismiss", system) == 0
    assert persons(stage)[0] == "dismissed"
    assert persons(stage).count("dismissed") == 1


def persons(stage: Stage) -> list[str]:
    """What people have done, the newest first."""
    return [each.outcome for each in stage.runtime.ledger.events.page(EventFilter(source=Source.PERSON)).events]


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("effect", REPAIR)
def test_command_killed_during_a_repair_can_be_given_again(stage: Stage, effect: Effect, moment: Moment) -> None:
    """Every step of it is whole; given again, everything fits together."""
    ledger, client = stage.runtime.ledger, stage.client
    ledger.request(JOB)
    client.delete(f"stamped-sync:sent:customer:{parts.SYSTEM}")
    client.zadd(f"stamped-sync:queued:customer:{parts.SYSTEM}", {f"{parts.SYSTEM}:999": 1})
    client.zadd(f"stamped-sync:slots:stamped:{parts.SYSTEM}", {"nobody's": "inf"})
    command = ("repair", str(parts.SYSTEM))
    run_killed(stage, effect, moment, *command)
    assert exit_code(stage, *command) == 0
    assert ledger.repair(acts=False).faults == 0
    assert ledger.counts(Kind.CUSTOMER) == Counts(queued=0, sent=1, running=0, waiting=0, done=0, failed=0)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("effect", INITIALIZE)
def test_command_killed_during_an_initialize_goes_on_where_it_stopped(
    stage: Stage, effect: Effect, moment: Moment
) -> None:
    """Given again, every customer is in the ledger, and no more than one page was asked for twice."""
    people = [{"id": str(number), "email_address": f"c{number}@example.com"} for number in range(1, 250)]
    for person in people:
        stage.sandbox.put_customer(person)
    command = ("initialize", str(parts.SYSTEM))
    run_killed(stage, effect, moment, *command)
    assert exit_code(stage, *command) == 0
    jobs = [Job(Kind.CUSTOMER, parts.SYSTEM, each) for each in stage.sandbox.customers]
    wanted = [record.wanted for record in stage.runtime.ledger.records(jobs) if record]
    assert len(wanted) == len(jobs) == 250
    assert set(wanted) <= {1, 2}
    assert wanted.count(2) <= 100
    assert stage.runtime.ledger.progress.begin(parts.SYSTEM, Selection.ALL).last_ended_at


def test_every_declared_side_effect_is_killed_around() -> None:
    """A side effect that is added to the code without a kill test fails the suite."""
    assert {*SCENARIOS, *COMMANDS, *OWN_TEST} == set(Effect)
