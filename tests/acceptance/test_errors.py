"""Every error of the catalogue, provoked for real, ends as that code where an operator sees it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.acceptance.scene import ID, ZOE, Scene, customer, person, scene, trigger
from tests.integration.jobs import calls_of
from tests.integration.raw_server import RawServer, http, serving
from worker.jobs.asking import SOMEBODY
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.intents import Intent
from worker.jobs.job import Action, Job, Kind, State
from worker.jobs.retries import Pause
from worker.ledger import Hold
from worker.local.ports import free_port
from worker.mapping.mapping import DEFAULT
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATIC, FIELD, REQUIRED, TRANSLATED, TRIGGERS_OFF, WRONG_TOKEN, NOBODY, NOWHERE, OPEN = range(4022, 4031)
"""The systems whose connections are not like the first one."""
OTHERS = range(STATIC, OPEN + 1)

READ = "Customer/[0-9]+$"
LINK = "UpdateExternalId$"
CREATE = "customers/add$"
READ_STAMPED = "customers/[0-9]+$"
SUBSCRIPTION = "survey/"

HOLD = timedelta(seconds=1)
"""How long a store is first held."""


def write_connections(stage: Scene, bare: RawServer) -> None:
    """The first connection, and one for each thing that a configuration can get wrong."""
    bare.answer = lambda _: [http(f'{{"id": {OPEN}, "settings": {{"API Url": "https://stamped.io"}}}}'.encode())]
    folder, url = stage.folder, stage.url
    parts.write_mapping(folder, subscription=False, name="static.toml")
    source = 'type = "Field"\nsource = "CustomFields.Newsletter"\ndestination = "IsSubscribed"'
    parts.write_rows(folder / "field.toml", source)
    parts.write_rows(folder / "required.toml", f'{source}\nlevel = "required"')
    comment = 'source = "Comment"'
    rows = DEFAULT.read_text("utf-8").replace(comment, f'{comment}\ntranslate = {{ "VIP" = "Important" }}')
    (folder / "translated.toml").write_text(rows, encoding="utf-8")
    nobody, nowhere = f"http://127.0.0.1:{free_port()}", "http://no-such-host.invalid"
    others = [
        parts.connection(url, system_id=STATIC, more='mapping = "static.toml"'),
        parts.connection(url, system_id=FIELD, more='mapping = "field.toml"'),
        parts.connection(url, system_id=REQUIRED, more='mapping = "required.toml"'),
        parts.connection(url, system_id=TRANSLATED, more='mapping = "translated.toml"'),
        parts.connection(url, system_id=TRIGGERS_OFF, more="triggers = []"),
        parts.connection(url, system_id=WRONG_TOKEN, token="wrong-token"),
        parts.connection(url, system_id=NOBODY, ipaas_url=nobody),
        parts.connection(url, system_id=NOWHERE, stamped_url=nowhere),
        parts.open_connection(bare.url, system_id=OPEN),
    ]
    parts.write_connections(folder, url, more="\n".join(others))


@pytest.fixture(scope="module")
def started(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene with a worker and many connections."""
    sandbox = Sandbox([ZOE], systems=(parts.SYSTEM, *OTHERS))
    with contextmanager(serving)() as bare, scene(valkey_url, tmp_path_factory.mktemp("errors"), sandbox) as built:
        write_connections(built, bare)
        with built.running(STAMPED_SYNC_HOLD_FIRST_SECONDS=str(HOLD.seconds), STAMPED_SYNC_HOLD_LONGEST_SECONDS="2"):
            yield built


@pytest.fixture
def stage(started: Scene) -> Scene:
    """The scene with nothing on it but the customer 150713."""
    started.clear()
    return started


@dataclass(frozen=True)
class Way:
    """A way to an error: the customer 150713, changed, is transferred while calls meet faults."""

    system_id: int = parts.SYSTEM
    faults: tuple[Fault, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)
    customer_id: str = ID
    of_subscription: bool = False
    status: int | None = None
    """The HTTP status that the error shows."""
    own: str = ""
    """The code that the job itself meets, where its store is held for another."""
    others: int = 0
    """How many other customers meet it too."""

    def go(self, stage: Scene) -> Job:
        """Ask for the transfer; the job that meets the error."""
        for fault in self.faults:
            stage.sandbox.add_fault(fault)
        stage.sandbox.patch_customer(ID, self.changes)
        job = customer(self.customer_id, self.system_id)
        others = [person(str(number)) for number in range(1, self.others + 1)]
        for other in others:
            stage.sandbox.put_customer(other)
        stage.request(job, *(customer(str(other["id"]), self.system_id) for other in others))
        return job.subscription if self.of_subscription else job


def subscription(*faults: Fault, status: int) -> Way:
    """A way to the error of a subscription job: the customer should be unsubscribed, and is not."""
    return Way(STATIC, faults=faults, of_subscription=True, status=status)


TWICE = {"email": ZOE["email_address"]}
STATE_UNKNOWN = Fault(path=CREATE, shape="no-subscription")
REFUSED = {
    "trigger-malformed": trigger(None),
    "customer-id-invalid": trigger("15/0713"),
    "connection-unknown": trigger(system_id=9999),
    "scope-unsupported": trigger(scope="customer/deleted"),
    "trigger-off": trigger(system_id=TRIGGERS_OFF),
}
"""Errors that a trigger meets before there is a job."""
FAILED = {
    "customer-not-found": Way(customer_id="999", status=404),
    "ipaas-read-failed": Way(faults=(Fault(path=READ, status=400),), status=400),
    "link-not-recorded": Way(faults=(Fault(path=LINK, status=400),), status=400),
    "email-missing": Way(changes={"email_address": "  "}),
    "email-invalid": Way(changes={"email_address": "zoe@example.com, zoe@example.org"}),
    "required-field-empty": Way(REQUIRED),
    "value-not-translated": Way(TRANSLATED, changes={"comment": "perhaps"}),
    "subscription-value-invalid": Way(
        FIELD,
        changes={"custom_fields": [{"custom_field_name": "Newsletter", "value": "perhaps"}]},
        of_subscription=True,
    ),
    "customer-write-failed": Way(faults=(Fault(path=CREATE, status=422),), status=422),
    "subscription-failed": subscription(Fault(path=SUBSCRIPTION, status=422), status=422),
    "stamped-id-unknown": Way(
        faults=(
            Fault(path=CREATE, shape="string"),
            Fault(path="customers$", method="GET", status=200, body=[{"id": 1, **TWICE}, {"id": 2, **TWICE}]),
        )
    ),
    "stamped-read-failed": subscription(STATE_UNKNOWN, Fault(path=READ_STAMPED, status=400), status=400),
}
"""Errors that a job ends with at once."""
RESTING = {
    "stamped-customer-gone": subscription(STATE_UNKNOWN, Fault(path=READ_STAMPED, status=404), status=404),
}
"""Errors that a job rests with for some minutes, as an API may show late what it was told."""
SYSTEM_REFUSED = {"code": "VALD-1017", "message": "The SystemId 4021, asked for by zoe@example.com, is not valid"}
HELD = {
    "ipaas-unreachable": Way(NOBODY, others=2),
    "ipaas-unavailable": Way(faults=(Fault(path=READ, status=503),), status=503, own="ipaas-read-failed", others=2),
    "ipaas-calls-limited": Way(
        faults=(Fault(path=READ, status=429, headers={"Retry-After": "1"}),), status=429, own="ipaas-read-failed"
    ),
    "ipaas-system-refused": Way(faults=(Fault(path=READ, status=400, body=SYSTEM_REFUSED),), status=400),
    "stamped-unreachable": Way(faults=(Fault(api="stamped", cut="before"),), others=2),
    "stamped-unavailable": Way(
        faults=(Fault(path=CREATE, status=503),), status=503, own="customer-write-failed", others=2
    ),
    "stamped-calls-limited": Way(
        faults=(Fault(path=CREATE, status=429, headers={"Retry-After": "1"}),), status=429, own="customer-write-failed"
    ),
    "host-not-found": Way(NOWHERE, others=2),
    "answer-unreadable": Way(faults=(Fault(path=READ, shape="html"),), status=200, others=2),
    "ipaas-credentials-refused": Way(WRONG_TOKEN, status=401),
    "subscription-incomplete": Way(OPEN),
    "stamped-credentials-refused": subscription(STATE_UNKNOWN, Fault(path=READ_STAMPED, status=401), status=401),
}
"""Errors that no job ends with while any customer meets them: they hold its store."""
OF_THE_STORE = {
    "refused credentials": Fault(api="stamped", status=401),
    "refused access": Fault(api="stamped", status=403),
    "too many calls": Fault(api="stamped", status=429, headers={"Retry-After": "1"}),
    "server errors": Fault(api="stamped", status=503),
    "cut connections": Fault(api="stamped", cut="before"),
    "refused links": Fault(path=LINK, status=403),
}
"""What a whole store answers in trouble."""
UNLUCKY = ("internal-error", "worker-lost")
"""Errors that need a worker on a bad day."""
UNREACHED = ("redis-unavailable", "redis-refuses")
"""Errors that no job can end with: they need the ledger to write that down."""
OUTSIDE = (*UNREACHED, "connection-held", "connection-paused", "throttle-used-up", "sender-unknown", "task-unknown")
"""The same, those that reads of no job meet alone, or people make, and that of HTTP (test_listen_openapi.py)."""
BRIEF = {
    "STAMPED_SYNC_LEASE_SECONDS": "1",
    "STAMPED_SYNC_CONNECT_TIMEOUT_SECONDS": "0.2",
    "STAMPED_SYNC_READ_TIMEOUT_SECONDS": "0.3",
}
"""Settings under which the job of a worker that died is soon another one's."""


def test_every_code_of_the_catalogue_is_provoked() -> None:
    """An error that is added to the catalogue without a way to it fails the suite."""
    assert {*REFUSED, *FAILED, *RESTING, *HELD, *UNLUCKY, *OUTSIDE} == set(CATALOGUE)


def test_redis_that_is_down_or_refuses_is_told_with_a_code_of_its_own(tmp_path: Path, redis_url: str) -> None:
    """No job can end so: a listener's `submit` raises it, and the trigger is sent again."""
    connections = parts.write_connections(tmp_path, "http://127.0.0.1:1")
    nowhere, no_database = f"redis://127.0.0.1:{free_port()}", f"{redis_url}99999"
    program = "import tasks; tasks.submit({'notifications': []})"
    for url, code in zip((nowhere, no_database), UNREACHED, strict=True):
        env = parts.environment(url, connections)
        ended = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
        assert code in ended.stderr


def test_preview_of_a_held_connection_ends_with_its_code(stage: Scene) -> None:
    """It names the error that began the hold, and makes no call."""
    failure = Failure("stamped-calls-limited", 429)  # which no other configuration ends
    stage.ledger.request(customer())
    stage.ledger.hold(
        stage.ledger.claim(customer()), calls_of(0, 1, Intent.STORES), failure, Pause(60, 60, is_limit=True)
    )
    ended = stage.console("preview", ID, "--system", str(parts.SYSTEM))
    assert (ended.returncode, "connection-held" in ended.stderr, failure.code in ended.stderr) == (
        1,
        True,
        True,
    )
    assert not [call for call in stage.calls() if "Stamped.io" in call]


def test_sync_of_a_paused_connection_tells_its_code(stage: Scene) -> None:
    """Nobody waits for what a person must end."""
    stage.ledger.pause(parts.SYSTEM, SOMEBODY, "the store moves")
    ended = stage.console("sync", ID, "--system", str(parts.SYSTEM), "--wait", "--json")
    shown = json.loads(ended.stdout)
    assert (ended.returncode, shown["state"], shown["error"]["code"]) == (1, "waiting", "connection-paused")
    assert "due" not in shown
    ended = stage.console("sync", ID, "--system", str(parts.SYSTEM), "--wait")
    assert (ended.returncode, "stamped-sync resume" in ended.stdout + ended.stderr) == (1, True)
    stage.ledger.resume(parts.SYSTEM)


def test_preview_with_a_used_up_throttle_ends_with_its_code(stage: Scene) -> None:
    """It has waited for a while, and says when to come again."""
    until = int((time.time() + 600) * 1000)
    calls = {f"call-{number}": until for number in range(100_000)}
    stage.client.zadd(f"stamped-sync:slots:stamped:{parts.SYSTEM}", calls)
    ended = stage.console("preview", ID, "--system", str(parts.SYSTEM))
    assert (ended.returncode, "throttle-used-up" in ended.stderr) == (1, True)
    assert "Stamped.io: the next call is free in " in ended.stderr


@pytest.mark.parametrize("code", REFUSED)
def test_trigger_is_refused_with_its_code(stage: Scene, code: str) -> None:
    """The refusal is kept where an operator sees it; nothing is called."""
    stage.submit(REFUSED[code])
    (refusal,) = stage.eventually(stage.ledger.refusals)
    assert (refusal.code, refusal.failure.entry) == (code, CATALOGUE[code])
    assert stage.calls() == []


@pytest.mark.parametrize("code", FAILED)
def test_job_ends_with_its_code(stage: Scene, code: str) -> None:
    """What is this customer's own has failed at the first attempt."""
    way = FAILED[code]
    record = stage.stumbled(way.go(stage))
    assert record.failure
    assert (record.failure.code, record.failure.http_status) == (code, way.status)
    assert (record.state, record.attempt) == (State.FAILED, 1)


@pytest.mark.parametrize("code", RESTING)
def test_job_rests_with_its_code(stage: Scene, code: str) -> None:
    """What a short delay explains is tried again."""
    record = stage.stumbled(RESTING[code].go(stage))
    assert record.failure
    assert (record.failure.code, record.state, record.attempt) == (code, State.WAITING, 1)


@pytest.mark.parametrize("code", HELD)
def test_store_is_held_with_its_code(stage: Scene, code: str) -> None:
    """The job waits for its turn again, has used up no attempt, and keeps its own error."""
    way = HELD[code]
    job = way.go(stage)
    failure = held(stage, way.system_id).failure
    assert (failure.code, failure.http_status) == (code, way.status)
    record = stage.ledger.record(job)
    assert record
    assert (record.attempt, record.settled) == (0, 0)
    assert record.state is not State.FAILED
    attempts = stage.eventually(lambda: stage.ledger.events.life_of(job))  # another job's trouble may hold the store
    assert {attempt.failure and attempt.failure.code for attempt in attempts} == {way.own or code}


def held(stage: Scene, system_id: int = parts.SYSTEM) -> Hold:
    """The hold of a store, once it has begun."""
    found = stage.eventually(lambda: [hold for hold in stage.ledger.holds() if hold.system_id == system_id])
    assert isinstance(found[0], Hold)
    return found[0]


@pytest.mark.parametrize("trouble", OF_THE_STORE)
def test_trouble_of_a_store_is_told_once_and_its_jobs_finish_when_it_ends(stage: Scene, trouble: str) -> None:
    """However many jobs and probes meet it, one line says that it began, and one that it is over; no job fails."""
    told_before = len(told_of_holds(stage))
    jobs = [customer(str(number)) for number in range(1, 6)]
    for job in jobs:
        stage.sandbox.put_customer(person(job.customer_id))
    stage.sandbox.add_fault(OF_THE_STORE[trouble])
    stage.request(*jobs)
    began = held(stage)
    stage.eventually(lambda: held(stage).until > began.until + HOLD)  # a probe has met it too
    assert stage.done(jobs) == 0
    stage.sandbox.clear_faults()
    assert {stage.settled(job).state for job in jobs} == {State.DONE}
    stage.eventually(lambda: len(told_of_holds(stage)) == told_before + 2)
    first, last = told_of_holds(stage)[told_before:]
    assert (first["outcome"], first["code"], last["outcome"]) == ("hold began", began.code, "hold ended")
    assert CATALOGUE[began.code].resolution == first["resolution"]
    assert stage.ledger.hold_of(parts.SYSTEM) is None


def told_of_holds(stage: Scene) -> list[dict[str, Any]]:
    """The lines of the worker's log that tell of a hold."""
    lines = stage.log.read_text(encoding="utf-8").splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{") and f"connection {parts.SYSTEM}: " in line]
    return [line for line in logged if "held" in line["message"]]


def test_bad_days_of_a_worker_end_jobs_too(tmp_path: Path) -> None:
    """A fault of the software fails the job without its text; workers that die again and again do as well."""
    linked = {"external_ids": [{"system_id": parts.SYSTEM, "external_id": "143491"}]}
    sandbox = Sandbox([person("1"), person("2", **linked)])
    with parts.valkey() as redis_url, scene(redis_url, tmp_path, sandbox) as stage:
        with parts.process(["-m", "tests.acceptance.unlucky"], stage.env | BRIEF, stage.log):
            broken, lost = customer("1"), customer("2")
            stage.request(broken)
            stage.settled(broken)
            stage.request(lost)
            stage.eventually(lambda: swept(stage) and stage.ledger.counts(Kind.CUSTOMER).failed == 2)
        failures = [stage.settled(job).failure for job in (broken, lost)]
    assert [failure and failure.code for failure in failures] == list(UNLUCKY)
    assert failures[0] is not None
    assert failures[0].detail.startswith("RuntimeError in bring_bad_luck:")
    assert "zoe@example.com" not in stage.log.read_text(encoding="utf-8")


def swept(stage: Scene) -> bool:
    """Do what beat does every few seconds; the worker's pump sends what comes back."""
    stage.ledger.sweep(Kind.CUSTOMER)
    return True


class TestMessages:
    """What an API said is shown, without personal data."""

    def test_status_and_message_of_stamped_io_are_shown_without_the_customers_values(self, stage: Scene) -> None:
        """The specification's first entry, in its wording, with the HTTP status and Stamped.io's message."""
        message = "zoe@example.com of Zoë Müller is on the blocklist"
        Way(faults=(Fault(path=CREATE, status=422, body={"message": message}),)).go(stage)
        failure = stage.stumbled(customer()).failure
        assert failure
        assert failure.message == (
            "An error occurred while sending the customer to Stamped.io, including the HTTP status code "
            "and the message returned by Stamped.io: "
            "HTTP 422: [masked] of [masked] [masked] is on the blocklist"
        )

    def test_failed_unsubscribe_leaves_the_customer_done(self, stage: Scene) -> None:
        """The specification's second entry; the customer exists, and a re-run reconciles its subscription."""
        echo = {"message": "There is no customer with the email zoe@example.com."}
        fault = Fault(path=SUBSCRIPTION, status=404, body=echo, times=1)
        job = subscription(fault, status=404).go(stage)
        failure = stage.stumbled(job).failure
        assert failure
        assert failure.message == (
            "An error occurred running the call to subscribe/unsubscribe: "
            "HTTP 404: There is no customer with the email [masked]"
        )
        first = customer(system_id=STATIC)
        assert stage.settled(first).action == Action.CREATED
        stage.settled(first, stage.request(first)[first])
        assert stage.settled(job, 2).action == Action.UNSUBSCRIBED

    def test_operator_sees_code_cause_and_resolution(self, stage: Scene) -> None:
        """`failures show` says what happened, why, and what to do."""
        FAILED["email-missing"].go(stage)
        stage.stumbled(customer())
        shown = " ".join(stage.console("failures", "show", ID).stdout.split())
        entry = CATALOGUE["email-missing"]
        assert all(text in shown for text in (entry.code, entry.title, entry.cause, entry.resolution))


PASSING = {
    "11": Fault(path="Customer/11$", status=503, times=1),
    "12": Fault(path="Customer/12$", status=429, headers={"Retry-After": "1"}, times=1),
    "13": Fault(path="Customer/13$", delay_seconds=2, times=1),
    "14": Fault(path="Customer/14$", cut="before", times=1),
    "15": Fault(path="customers/add$", status=500, times=1),
    "16": Fault(path="customers/add$", status=429, headers={"Retry-After": "1"}, times=1),
    "17": Fault(path="customers/add$", delay_seconds=2, times=1),
    "18": Fault(path="customers/add$", cut="after", times=1),
    "19": Fault(path="UpdateExternalId$", status=408, times=1),
    "20": Fault(path="LookupExternal/20/", cut="after", times=1),
}
"""Faults that pass: those of one customer's call by its id, the others met by whoever comes first."""


def test_faults_that_pass_are_retried_by_themselves(stage: Scene) -> None:
    """Server errors, limits, timeouts and cut connections cost a few seconds, and neither a customer nor a double."""
    for customer_id, fault in PASSING.items():
        stage.sandbox.put_customer(person(customer_id))
        stage.sandbox.add_fault(fault)
    jobs = [customer(customer_id) for customer_id in PASSING]
    stage.request(*jobs)
    assert {stage.settled(job).state for job in jobs} == {State.DONE}
    assert stage.sandbox.faults == []
    emails = {held["email"] for held in stage.sandbox.stamped_customers.values()}
    assert emails == {f"customer{customer_id}@example.com" for customer_id in PASSING}
    assert len(stage.sandbox.stamped_customers) == len(PASSING)
    assert set(stage.sandbox.links[parts.SYSTEM]) == set(PASSING)
