"""Jobs of a connection that is `system_id` and `ipaas` alone: its subscription says how its store is called."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from tasks import stores, transfer_customer
from tests import parts
from tests.integration.jobs import admitted
from tests.integration.stage import CREATE, ID, JOB, Stage, run, transferred
from worker.app import app
from worker.connections import Connections, Throttle
from worker.handover import open_ledger
from worker.jobs.job import Job, Kind, State
from worker.runtime import Runtime
from worker.sandbox.faults import Fault
from worker.sandbox.sso import EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = "Subscription/"
NEW_KEY = "sandbox-rotated"
SECRETS = ("sandbox-public", parts.PRIVATE_KEY, NEW_KEY, parts.TOKEN)


@pytest.fixture(name="open_stage")
def _open_stage(stage: Stage, redis_url: str) -> Stage:
    """The stage with a connection that leaves everything to the subscription."""
    (stage.folder / "connections.toml").write_text(parts.open_connection(stage.url), encoding="utf-8")
    stage.build(redis_url)
    return stage


def rotate(stage: Stage, *, in_subscription: bool = True) -> None:
    """Give the store another key; in the subscription, too."""
    stage.sandbox.change_keys(stage.sandbox.public_key, NEW_KEY)
    if in_subscription:
        stage.sandbox.change_settings({"API Private Key": NEW_KEY})


def store() -> Any:
    """The store of the connection."""
    return app.runtime.clients[parts.SYSTEM].store


def make_old(seconds: float = 10 * 60) -> None:
    """Let what was read be that old."""
    kept = store()
    kept._read_at -= seconds  # noqa: SLF001 - time passes
    kept._good_until -= seconds  # noqa: SLF001 - as above


def probe(stage: Stage) -> str:
    """Run the job once more, once the hold has run out; the state that its task comes to."""
    stage.client.hset(f"stamped-sync:hold:{parts.SYSTEM}", "until", "0")
    assert admitted(stage.ledger) == [JOB]
    return run(transfer_customer, parts.SYSTEM, ID).state


# At the start ---------------------------------------------------------------------------------------------------------


def test_first_job_reads_the_subscription_and_the_next_ones_do_not(open_stage: Stage) -> None:
    """It is one more call of the first attempt."""
    assert [transferred(open_stage).state, transferred(open_stage).state] == ["SUCCESS"] * 2
    assert open_stage.called.count(str(parts.SYSTEM)) == 1
    assert open_stage.sandbox.links[parts.SYSTEM] == {ID: "143491"}


def test_a_worker_reads_the_subscription_before_the_first_job(open_stage: Stage) -> None:
    """In a thread of its own."""
    stores.Reader().read_due()
    assert open_stage.called == [str(parts.SYSTEM)]
    transferred(open_stage)
    assert open_stage.called.count(str(parts.SYSTEM)) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(path=SETTINGS, status=503), "ipaas-unavailable"),
        (Fault(path=SETTINGS, cut="before"), "ipaas-unreachable"),
        (Fault(path=SETTINGS, shape="html"), "answer-unreadable"),
        (Fault(path=SETTINGS, status=200, body={"id": 7, "settings": {}}), "answer-unreadable"),
        (Fault(path=SETTINGS, status=200, body={"id": parts.SYSTEM, "settings": []}), "answer-unreadable"),
        (Fault(path=SETTINGS, status=401), "ipaas-credentials-refused"),
        (Fault(path=SETTINGS, status=404, body={"code": "NFND-1005"}), "ipaas-system-refused"),
        (Fault(path=SETTINGS, status=400, body={"message": "no"}), "ipaas-unavailable"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_subscription_that_cannot_be_read_holds_the_store(
    open_stage: Stage, fault: Fault, code: str, redis_url: str
) -> None:
    """With the usual words, and no job is at fault."""
    settings = app.runtime.settings.model_copy(update={"hold_after_errors": 1})
    open_stage.patch.setitem(app.__dict__, "runtime", Runtime.build(settings))
    open_stage.move_broker(redis_url)
    open_stage.sandbox.add_fault(fault)
    assert transferred(open_stage).state == "RETRY"
    (hold,) = open_stage.ledger.holds()
    assert (hold.code, hold.api) == (code, "ipaas")
    assert (open_stage.record().state, open_stage.record().attempt) == (State.QUEUED, 0)
    open_stage.sandbox.clear_faults()
    assert probe(open_stage) == "SUCCESS"
    assert open_stage.ledger.holds() == []


def test_a_missing_setting_holds_the_store_and_is_named(open_stage: Stage) -> None:
    """Until somebody enters it in iPaaS.com."""
    open_stage.sandbox.change_settings({"API Store Hash": None, "API Throttle Limit": "2"})
    transferred(open_stage)
    (hold,) = open_stage.ledger.holds()
    assert hold.code == "subscription-incomplete"
    assert hold.failure.detail.startswith("API Store Hash is missing; API Throttle Limit must be 5 or more")
    open_stage.sandbox.change_settings({"API Store Hash": "270392", "API Throttle Limit": "20"})
    assert probe(open_stage) == "SUCCESS"


def test_what_the_file_names_wins(open_stage: Stage, redis_url: str) -> None:
    """The subscription may even be wrong there."""
    open_stage.sandbox.change_settings({"API Store Hash": "wrong"})
    text = parts.open_connection(open_stage.url, more='stamped = { store_hash = "270392" }')
    (open_stage.folder / "connections.toml").write_text(text, encoding="utf-8")
    open_stage.build(redis_url)
    assert transferred(open_stage).state == "SUCCESS"


# The throttle ---------------------------------------------------------------------------------------------------------


def test_every_process_goes_by_the_throttle_of_the_subscription(open_stage: Stage) -> None:
    """Also one that never calls iPaaS.com, and started before anybody had read it."""
    settings = app.runtime.settings
    other = open_ledger(settings, app.runtime.connections)
    open_stage.sandbox.change_settings({"API Throttle Limit": "250", "Concurrent Connections": "3"})
    transferred(open_stage)
    for ledger in (open_stage.ledger, other, open_ledger(settings, app.runtime.connections)):
        (use,) = ledger.figures().uses
        assert (use.stamped_limit, use.concurrent) == (250, 3)
        assert '"limit": 250, "window_ms": 60000' in ledger._scripts.limits_of(parts.SYSTEM)  # noqa: SLF001 - as the scripts get it


# Later ----------------------------------------------------------------------------------------------------------------


def test_what_was_read_is_good_for_ten_minutes(open_stage: Stage) -> None:
    """Then a job reads it again, and goes by what it says now."""
    transferred(open_stage)
    rotate(open_stage)
    make_old()
    assert transferred(open_stage).state == "SUCCESS"
    assert 401 not in [call.status for call in open_stage.sandbox.calls]


def test_old_values_go_on_if_the_subscription_cannot_be_read_again(
    open_stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """That is logged once, and once more when it can."""
    transferred(open_stage)
    open_stage.sandbox.add_fault(Fault(path=SETTINGS, status=503))
    for _ in range(3):
        make_old()
        assert transferred(open_stage).state == "SUCCESS"
    assert caplog.text.count("its subscription can't be read again") == 1
    open_stage.sandbox.clear_faults()
    make_old()
    transferred(open_stage)
    assert caplog.text.count("its subscription can be read again") == 1
    assert open_stage.ledger.holds() == []


def test_a_rotated_key_costs_no_hold(open_stage: Stage) -> None:
    """The subscription is read again at once, and the job runs again with the new key."""
    transferred(open_stage)
    rotate(open_stage)
    make_old(5)
    ended = transferred(open_stage)
    assert (ended.state, open_stage.record().state, open_stage.record().attempt) == ("RETRY", State.WAITING, 0)
    assert run(transfer_customer, parts.SYSTEM, ID).state == "SUCCESS"
    assert open_stage.ledger.holds() == []


def test_a_refused_key_that_the_subscription_still_has_holds_the_store(open_stage: Stage) -> None:
    """And as soon as it has another one, a worker ends the hold."""
    transferred(open_stage)
    rotate(open_stage, in_subscription=False)
    make_old(5)
    transferred(open_stage)
    (hold,) = open_stage.ledger.holds()
    assert (hold.code, hold.api) == ("stamped-credentials-refused", "stamped")
    reader = stores.Reader()
    reader.read_due()
    assert [each.code for each in open_stage.ledger.holds()] == [hold.code]
    rotate(open_stage)
    make_old(5)
    open_stage.client.delete("stamped-sync:done-at")
    reader.read_due()
    assert open_stage.ledger.holds() == []
    assert admitted(open_stage.ledger) == [JOB]
    assert run(transfer_customer, parts.SYSTEM, ID).state == "SUCCESS"


def test_another_hold_is_not_ended_by_a_new_key(open_stage: Stage) -> None:
    """It has another cause."""
    transferred(open_stage)
    open_stage.refuse(429, "dashboard/", Retry_After="120")
    transferred(open_stage)
    rotate(open_stage)
    make_old()
    stores.Reader().read_due()
    assert [hold.code for hold in open_stage.ledger.holds()] == ["stamped-calls-limited"]


def held(stage: Stage) -> list[str]:
    """By which codes the store is held for a long time; a worker looks at it the next time that it looks at all."""
    stage.client.hset(f"stamped-sync:hold:{parts.SYSTEM}", "until", "9999999999999")
    stage.client.delete("stamped-sync:done-at")
    return [hold.code for hold in stage.ledger.holds()]


def now_held(stage: Stage) -> list[str]:
    """By which codes the store is still held."""
    return [hold.code for hold in stage.ledger.holds()]


@pytest.mark.parametrize("was_read", [False, True])
def test_a_setting_that_is_mended_ends_its_hold(open_stage: Stage, *, was_read: bool) -> None:
    """Although the hold is by iPaaS.com, which keeps all other reads away."""
    open_stage.sandbox.change_settings({"API Store Hash": None})
    transferred(open_stage)
    reader = stores.Reader()
    assert held(open_stage) == ["subscription-incomplete"]
    reader.read_due()
    assert held(open_stage) == ["subscription-incomplete"]
    open_stage.sandbox.change_settings({"API Store Hash": "270392"})
    if was_read:
        app.runtime.whole(parts.SYSTEM)  # a preview did
    else:
        reader.read_due()
    assert now_held(open_stage) == []
    assert admitted(open_stage.ledger) == [JOB]
    assert run(transfer_customer, parts.SYSTEM, ID).state == "SUCCESS"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(path=SETTINGS, status=401), "ipaas-credentials-refused"),
        (Fault(path=SETTINGS, status=404, body={"code": "NFND-1005"}), "ipaas-system-refused"),
    ],
)
def test_a_subscription_that_can_be_read_ends_the_hold_of_one_that_could_not(
    open_stage: Stage, fault: Fault, code: str
) -> None:
    """Once: whoever can read it later learns nothing new."""
    open_stage.sandbox.add_fault(fault)
    transferred(open_stage)
    assert held(open_stage) == [code]
    open_stage.sandbox.clear_faults()
    stores.Reader().read_due()
    assert now_held(open_stage) == []


def test_whoever_met_the_trouble_looks_although_others_do(open_stage: Stage) -> None:
    """They may have read the subscription before, and learn nothing new."""
    transferred(open_stage)
    open_stage.sandbox.add_fault(Fault(path=SETTINGS, status=401))
    open_stage.sandbox.add_fault(Fault(path="Customer/", status=401))
    transferred(open_stage)
    reader = stores.Reader()
    assert held(open_stage) == ["ipaas-credentials-refused"]
    make_old(5)
    reader.read_due()
    open_stage.sandbox.clear_faults()
    make_old(5)
    reader.read_due()  # as another worker does, it has just looked at held stores
    assert now_held(open_stage) == []


def test_a_key_that_may_read_no_customers_is_held_once(open_stage: Stage) -> None:
    """Though it may read the subscription: the store must not be released and held again without end."""
    transferred(open_stage)
    open_stage.sandbox.add_fault(Fault(path="Customer/", status=403))
    transferred(open_stage)
    reader = stores.Reader()
    for _ in range(3):
        assert held(open_stage) == ["ipaas-credentials-refused"]
        make_old(5)
        reader.read_due()
    assert now_held(open_stage) == ["ipaas-credentials-refused"]


def test_an_address_that_is_mended_ends_the_hold_of_the_wrong_one(open_stage: Stage) -> None:
    """As another key does."""
    open_stage.sandbox.change_settings({"API Url": "http://127.0.0.1:1"})
    settings = app.runtime.settings.model_copy(update={"hold_after_errors": 1})
    open_stage.patch.setitem(app.__dict__, "runtime", Runtime.build(settings))
    transferred(open_stage)
    assert held(open_stage) == ["stamped-unreachable"]
    open_stage.sandbox.change_settings({"API Url": open_stage.url})
    make_old(5)
    stores.Reader().read_due()
    assert now_held(open_stage) == []


@pytest.mark.parametrize("is_mended", [True, False])
def test_a_restart_tries_once_whether_a_key_is_mended(open_stage: Stage, redis_url: str, *, is_mended: bool) -> None:
    """The new process does not know the old key. If it is not mended, the hold begins anew, and stays."""
    transferred(open_stage)
    rotate(open_stage, in_subscription=False)
    make_old(5)
    transferred(open_stage)
    assert held(open_stage) == ["stamped-credentials-refused"]
    if is_mended:
        open_stage.sandbox.change_settings({"API Private Key": NEW_KEY})
    open_stage.build(redis_url)
    reader = stores.Reader()
    reader.read_due()
    assert now_held(open_stage) == []
    assert admitted(open_stage.ledger) == [JOB]
    assert run(transfer_customer, parts.SYSTEM, ID).state == ("SUCCESS" if is_mended else "RETRY")
    if not is_mended:
        for _ in range(3):
            assert held(open_stage) == ["stamped-credentials-refused"]
            make_old(5)
            reader.read_due()
        assert now_held(open_stage) == ["stamped-credentials-refused"]


def test_one_job_is_admitted_until_the_subscription_was_read(open_stage: Stage) -> None:
    """It may allow one at a time."""
    jobs = [Job(Kind.CUSTOMER, parts.SYSTEM, str(each)) for each in range(1, 11)]
    open_stage.ledger.request_all(jobs)
    assert len(open_stage.messages("customers")) == 1


def test_a_key_that_is_a_variables_name_fails_no_job(open_stage: Stage) -> None:
    """Stamped.io refuses it, which holds the store."""
    open_stage.sandbox.change_settings({"API Public Key": "HOME"})
    transferred(open_stage)
    assert now_held(open_stage) == ["stamped-credentials-refused"]


def test_a_changed_mapping_costs_no_reading(open_stage: Stage) -> None:
    """Neither of the subscription nor a login, and what is read of the connection is today's."""
    transferred(open_stage)
    old = app.runtime
    changed = old.connections[parts.SYSTEM].model_copy(update={"name": "Acme"})
    new = old.reconfigured(Connections([changed]), old.files)
    assert (new.whole(parts.SYSTEM).name, old.whole(parts.SYSTEM).name) == ("Acme", "")
    assert new.connection(parts.SYSTEM).name == "Acme"
    assert new.clients[parts.SYSTEM].ipaas is old.clients[parts.SYSTEM].ipaas
    assert open_stage.called.count(str(parts.SYSTEM)) == 1
    throttled = changed.model_copy(update={"throttle": Throttle(concurrent=3)})
    assert old.reconfigured(Connections([throttled]), old.files).clients[parts.SYSTEM].store is not store()


def test_a_worker_looks_at_held_stores_within_ten_seconds() -> None:
    """At the worst it looks just before it is due again."""
    assert stores.HELD_SECONDS + stores.LOOK_SECONDS < 10


def test_a_round_of_readings_ends_so_that_held_stores_are_looked_at(open_stage: Stage) -> None:
    """The next round goes on with what is due."""
    connections = "\n".join(parts.open_connection(open_stage.url, system_id=each) for each in (parts.SYSTEM, 4022))
    (open_stage.folder / "connections.toml").write_text(connections, encoding="utf-8")
    open_stage.patch.setitem(app.__dict__, "runtime", Runtime.build(app.runtime.settings))
    open_stage.patch.setattr(stores, "ROUND_SECONDS", 0.0)
    reader = stores.Reader()
    reader.read_due()
    assert [each.store.is_read for each in app.runtime.clients.values()] == [True, False]
    open_stage.sandbox.clear_faults()
    reader.read_due()
    assert open_stage.called == [str(parts.SYSTEM), "4022"]


# Secrets --------------------------------------------------------------------------------------------------------------


def everything(stage: Stage, caplog: pytest.LogCaptureFixture) -> str:
    """All that is in Redis and in the log, with whatever an exception says."""
    dump = [f"{key!r} {_value(stage, str(key))}" for key in stage.client.scan_iter()]
    lines = [f"{vars(line)}" for line in caplog.records]
    return "\n".join([*dump, *lines, caplog.text])


def _value(stage: Stage, key: str) -> object:
    readers: dict[str, Callable[[], object]] = {
        "hash": lambda: stage.client.hgetall(key),
        "list": lambda: stage.client.lrange(key, 0, -1),
        "set": lambda: stage.client.smembers(key),
        "zset": lambda: stage.client.zrange(key, 0, -1),
        "string": lambda: stage.client.dump(key),  # the marks of events are no text
    }
    return readers[str(stage.client.type(key))]()


ECHO = {"message": f"the keys are {', '.join(SECRETS)}", "code": "INTL-1000"}
HOSTILE = {
    "fine": None,
    "an error that repeats the keys": Fault(path=SETTINGS, status=500, body=ECHO),
    "a refusal that repeats the keys": Fault(path=SETTINGS, status=400, body=ECHO),
    "refused credentials that repeat the keys": Fault(path=SETTINGS, status=401, body=ECHO),
    "a success that is none": Fault(path=SETTINGS, status=200, body={"success": False, **ECHO}),
    "a list": Fault(path=SETTINGS, status=200, body=[{"settings": dict.fromkeys(SECRETS, SECRETS[1])}]),
    "another subscription": Fault(path=SETTINGS, status=200, body={"id": SECRETS[1], "settings": {}}),
    "settings that are text": Fault(
        path=SETTINGS, status=200, body={"id": parts.SYSTEM, "settings": " ".join(SECRETS)}
    ),
    "wrong settings": Fault(
        path=SETTINGS,
        status=200,
        body={
            "id": parts.SYSTEM,
            "settings": {
                "API Url": f"https://{SECRETS[0]}:{SECRETS[1]}@x",
                "API Public Key": f"{SECRETS[0]}:{SECRETS[1]}",
                "API Private Key": f"{SECRETS[1]} {NEW_KEY}",
                "API Store Hash": f"{SECRETS[1]}/",
                "API Throttle Limit": SECRETS[1],
                "Concurrent Connections": [SECRETS[1]],
            },
        },
    ),
    "a store that repeats the keys": Fault(
        path=CREATE, status=401, body={"message": f"not valid: {SECRETS[0]}:{SECRETS[1]}"}
    ),
    "a page": Fault(path=SETTINGS, shape="html"),
    "cut": Fault(path=SETTINGS, cut="before"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_secret_of_the_answer_is_left_anywhere(
    open_stage: Stage, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Neither in the log at its most talkative, nor in Redis, nor in what a task ends with."""
    caplog.set_level(logging.DEBUG)
    if fault := HOSTILE[name]:
        open_stage.sandbox.add_fault(fault)
    ends = [transferred(open_stage, debug=True)]
    if open_stage.ledger.holds():
        open_stage.client.hset(f"stamped-sync:hold:{parts.SYSTEM}", "until", "0")
        admitted(open_stage.ledger)
        ends.append(run(transfer_customer, parts.SYSTEM, ID))
    open_stage.sandbox.clear_faults()
    make_old()
    with_reader = stores.Reader()
    with_reader.read_due()
    told = [f"{each.value!r} {each.value} {each.traceback}" for each in ends]
    seen = "\n".join([everything(open_stage, caplog), *told, repr(app.runtime)])
    assert [secret for secret in SECRETS if secret in seen] == []


# A login --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"password": "hunter2 hunter2"}], ids=["right", "wrong"])
def test_jobs_run_by_a_login_and_leave_nothing_of_it(
    stage: Stage, redis_url: str, caplog: pytest.LogCaptureFixture, changes: dict[str, str]
) -> None:
    """Neither e-mail address nor password nor token, though the sandbox repeats them in its refusal."""
    caplog.set_level(logging.DEBUG)
    (stage.folder / "connections.toml").write_text(parts.login_connection(stage.url, **changes), encoding="utf-8")
    stage.build(redis_url)
    ended = transferred(stage, debug=True)
    assert ended.state == ("RETRY" if changes else "SUCCESS")
    assert [hold.failure.detail for hold in stage.ledger.holds()] == (
        ["the login was refused: AUTH-1002"] if changes else []
    )
    seen = "\n".join([everything(stage, caplog), repr(ended), repr(app.runtime)])
    hidden = [EMAIL, PASSWORD, "hunter2", "sandbox-person-token", "sandbox-company-token", *SECRETS]
    assert [secret for secret in hidden if secret in seen] == []
