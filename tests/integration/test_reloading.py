"""Takes a changed configuration into a process: whole, without faults, and not while it is being written."""

from __future__ import annotations

import os
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

import pytest

from tasks import accept_trigger, submit, transfer_customer
from tests import parts
from tests.integration.jobs import CALLS, JOB, claimed
from tests.integration.stage import run
from worker.app import app
from worker.jobs.catalogue import Failure
from worker.jobs.job import State
from worker.jobs.retries import Pause
from worker.ledger import Ledger
from worker.ledger.processes import Process
from worker.reloading import Reloader
from worker.sandbox.faults import Fault
from worker.sync.triggers import Accepted, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.stage import Stage
    from worker.config.settings import Settings
    from worker.runtime import Runtime


TRIGGER = {"id": "6f0c", "notifications": [{"scope": "customer/updated", "destination": "4021", "id": JOB.customer_id}]}


@pytest.fixture
def reloader(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Reloader:
    """That of the stage's application, which has read its configuration."""
    monkeypatch.setattr("worker.reloading.time.sleep", lambda _: None)
    monkeypatch.setitem(vars(app), "runtime", app.runtime)
    del stage  # it must be there
    return Reloader(app)


class Another:
    """Another process with the same configuration."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @property
    def settings(self) -> Settings:
        """Those of its start."""
        return self.runtime.settings

    def take(self, runtime: Runtime) -> None:
        """Run by another configuration."""
        self.runtime = runtime


def file_of(stage: Stage) -> Path:
    """The stage's connections file."""
    return stage.folder / "connections.toml"


def change(stage: Stage, old: str, new: str) -> None:
    """Change a text in the connections file."""
    text = file_of(stage).read_text(encoding="utf-8")
    assert old in text
    file_of(stage).write_text(text.replace(old, new), encoding="utf-8")


def test_nothing_is_taken_where_nothing_has_changed(stage: Stage, reloader: Reloader) -> None:
    """Nor where a file was only touched, or got a comment."""
    before = app.runtime
    assert not reloader.look()
    os.utime(file_of(stage))
    assert not reloader.look()
    file_of(stage).write_text(f"# mine\n{file_of(stage).read_text()}")
    assert not reloader.look()
    assert app.runtime is before


def test_change_that_keeps_size_and_time_is_taken(stage: Stage, reloader: Reloader) -> None:
    """The content says so alone; what is as it was keeps its clients."""
    parts.write_connections(stage.folder, stage.url, more=parts.connection(stage.url, system_id=5000))
    assert reloader.look()
    before, found = app.runtime, file_of(stage).stat()
    change(stage, "Sandbox 5000", "Sandbox 5001")
    os.utime(file_of(stage), ns=(found.st_atime_ns, found.st_mtime_ns))
    assert reloader.look()
    assert app.runtime.connections[5000].name == "Sandbox 5001"
    assert app.runtime.clients[parts.SYSTEM] is before.clients[parts.SYSTEM]
    assert app.runtime.clients[5000] is not before.clients[5000]
    assert app.runtime.ledger is before.ledger


def test_faults_are_kept_until_they_are_mended(
    stage: Stage, reloader: Reloader, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is logged once, however often it is looked at, and what was before stays in force."""
    before = app.runtime
    change(stage, "ipaas =", "ipass =")
    for _ in range(3):
        assert not reloader.look()
    assert app.runtime is before
    assert [fault.key for fault in reloader.faults] == ["connection 1, ipaas", "connection 1, ipass"]
    assert caplog.text.count("did you mean ipaas?") == 1
    change(stage, "ipass =", "ipaas =")
    assert not reloader.look()  # it is what is in force
    assert (reloader.faults, app.runtime) == ((), before)


@pytest.mark.parametrize("half", ["", "[[connection]]"])
def test_file_that_is_being_written_is_left_for_the_next_look(
    stage: Stage, reloader: Reloader, monkeypatch: pytest.MonkeyPatch, half: str
) -> None:
    """A half-written file may be valid, and would take connections away; its faults are nobody's."""
    own, other = parts.connection(stage.url), parts.connection(stage.url, system_id=5000)

    def write_on(_: float) -> None:
        file_of(stage).write_text(f"{own}\n{other}", encoding="utf-8")

    file_of(stage).write_text(f"# new\n{own}\n{half}", encoding="utf-8")
    monkeypatch.setattr("worker.reloading.time.sleep", write_on)
    assert not reloader.look()
    assert not reloader.faults
    assert len(app.runtime.connections) == 1
    assert reloader.look()
    assert len(app.runtime.connections) == 2


@pytest.mark.parametrize("is_good", [True, False])
def test_file_that_was_away_for_a_moment_is_taken_as_it_was_read(
    stage: Stage, reloader: Reloader, monkeypatch: pytest.MonkeyPatch, is_good: bool
) -> None:
    """Nothing changes any more behind the first look, and yet it is not the last one; its faults are told, too."""
    own, other = parts.connection(stage.url), parts.connection(stage.url, system_id=5000)
    text = f"{own}\n{other if is_good else 'nonsense'}"
    file_of(stage).write_text(text, encoding="utf-8")
    monkeypatch.setattr("worker.reloading.time.sleep", lambda _: file_of(stage).unlink())
    assert not reloader.look()
    file_of(stage).write_text(text, encoding="utf-8")
    monkeypatch.setattr("worker.reloading.time.sleep", lambda _: None)
    assert reloader.look() is is_good
    assert len(app.runtime.connections) == (2 if is_good else 1)
    assert bool(reloader.faults) is not is_good
    assert not reloader.look()


def test_hold_that_lasts_longer_meanwhile_ends_at_the_next_look(
    stage: Stage, reloader: Reloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that began by the old keys may prolong it just as it is to end."""
    ledger = stage.ledger
    ledger.hold(claimed(ledger, JOB), CALLS, Failure("stamped-credentials-refused"), Pause(3600, 3600))
    change(stage, parts.PRIVATE_KEY, "another-key")
    assert reloader.look()
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "end", lambda *_: False)
        reloader.end_holds()
    assert ledger.holds()
    reloader.end_holds()
    assert not ledger.holds()


@pytest.mark.parametrize(
    ("code", "ends"),
    [("stamped-credentials-refused", True), ("stamped-unreachable", True), ("stamped-calls-limited", False)],
)
def test_hold_ends_once_the_store_is_called_otherwise(stage: Stage, reloader: Reloader, code: str, ends: bool) -> None:
    """Another key or address may be what was missing; one more call is not what a limit waits for."""
    ledger = stage.ledger
    ledger.hold(claimed(ledger, JOB), CALLS, Failure(code), Pause(3600, 3600))
    change(stage, "Sandbox 4021", "Acme")
    change(stage, f'token = "{parts.TOKEN}"', f'token = "{parts.TOKEN}", throttle = {{ limit = 50 }}')
    assert reloader.look()
    reloader.end_holds()
    assert ledger.holds()
    change(stage, parts.PRIVATE_KEY, "another-key")
    assert reloader.look()
    reloader.end_holds()
    assert bool(ledger.holds()) is not ends


def test_hold_of_the_new_key_is_not_ended_by_a_process_that_takes_it_later(stage: Stage, reloader: Reloader) -> None:
    """Each process would end it again otherwise, and each time a job would be refused."""
    change(stage, parts.PRIVATE_KEY, "another-key")
    other = Another(replace(app.runtime, ledger=Ledger(stage.client, stores={})))
    assert Reloader(other).look()
    ledger = stage.ledger
    claim = replace(claimed(ledger, JOB), fingerprint=other.runtime.connections.fingerprint)
    ledger.hold(claim, CALLS, Failure("stamped-credentials-refused"), Pause(3600, 3600))
    assert reloader.look()
    reloader.end_holds()
    assert ledger.holds()


def test_process_without_any_configuration_says_so(
    stage: Stage, reloader: Reloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flower starts with a broken file: its faults are seen, and it takes the file once it is mended."""
    monkeypatch.setenv("STAMPED_SYNC_CONNECTIONS", str(file_of(stage)))
    monkeypatch.setenv("STAMPED_SYNC_REDIS_URL", app.runtime.settings.redis_url)
    monkeypatch.setitem(vars(app), "settings", app.runtime.settings)
    change(stage, "ipaas =", "ipass =")
    del app.runtime
    assert not reloader.look()
    reloader.note("flower")
    (seen,) = reloader.processes
    assert (seen.role, seen.fingerprint, len(seen.faults)) == ("flower", "", 2)
    change(stage, "ipass =", "ipaas =")
    reloader.look()
    reloader.note("flower")
    (seen,) = reloader.processes
    assert (seen.fingerprint, seen.faults) == (app.runtime.connections.fingerprint, ())


def test_listener_in_python_knows_a_connection_that_was_added(stage: Stage, reloader: Reloader) -> None:
    """Nobody watches in its process: it looks before it refuses a trigger for its connection."""
    del reloader  # its application is the one that the listener uses
    trigger = {"id": "6f0c", "notifications": [{"scope": "customer/updated", "destination": "5000", "id": "1"}]}
    assert isinstance(submit(trigger)[0], Refused)
    parts.write_connections(stage.folder, stage.url, more=parts.connection(stage.url, system_id=5000))
    assert isinstance(submit(trigger)[0], Accepted)


def test_refused_key_is_read_again_before_the_store_is_held(stage: Stage, reloader: Reloader) -> None:
    """The key was rotated a moment ago: the job is tried again with the new one, and nothing is held."""
    vars(app)["reloader"] = reloader
    change(stage, parts.TOKEN, "an-old-token")
    assert reloader.look()
    change(stage, "an-old-token", parts.TOKEN)
    stage.sandbox.add_fault(Fault(api="ipaas", status=401, times=1))
    submit(TRIGGER)
    assert run(transfer_customer, parts.SYSTEM, JOB.customer_id).state == "RETRY"
    assert not stage.ledger.holds()
    assert stage.record().state is State.WAITING
    stage.ledger.request(JOB, asker=parts.BY_HAND)
    assert run(transfer_customer, parts.SYSTEM, JOB.customer_id).state == "SUCCESS"


def test_trigger_that_another_worker_may_know_is_put_back(stage: Stage, reloader: Reloader) -> None:
    """What is known here is handed over at once; once workers agree, the rest is refused."""
    vars(app)["reloader"] = reloader
    both = [{"scope": "customer/updated", "destination": each, "id": "1"} for each in ("4021", "5000")]
    reloader.processes = [Process(f"host/{each}", "worker", "1.0", str(each)) for each in (1, 2)]
    put_back = run(accept_trigger, {"id": "6f0c", "notifications": both}, queue="upkeep")
    assert put_back.state == "RETRY"
    assert stage.ledger.record(replace(JOB, customer_id="1"))
    assert stage.ledger.refused().count == 0
    assert stage.messages("upkeep")
    reloader.processes = []
    assert run(accept_trigger, {"id": "6f0c", "notifications": both}, queue="upkeep").state == "SUCCESS"
    assert stage.ledger.refused().count == 1


def test_hold_by_keys_from_before_a_restart_ends(stage: Stage, reloader: Reloader) -> None:
    """Whoever keeps keys in the environment has to restart the processes; the hold ends then, too."""
    ledger = stage.ledger
    claim = replace(claimed(ledger, JOB), fingerprint="0ld0ld")
    ledger.hold(claim, CALLS, Failure("stamped-credentials-refused"), Pause(3600, 3600))
    stopping = Event()
    stopping.set()
    reloader.watch("worker", stopping)
    assert not ledger.holds()
