"""What every command says of processes that go by another configuration than that of the files."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.jobs import CALLS, FAILURE, JOB
from worker.cli import drift
from worker.connections import load_connections
from worker.ledger import Ledger
from worker.ledger.processes import FORGOTTEN_MS, Process
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox

OTHER = Process("host/7", "worker", "1.0", "3f9a12")
ALIEN = Process("host/8", "worker", "1.0", "77aa01", ("connections.toml: connection 1, nam: it has a fault",))


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url))


def fingerprint(folder: Path) -> str:
    """That of the installation's files."""
    return load_connections(folder / "connections.toml").fingerprint


@pytest.mark.parametrize("command", ["status", "check", "connections", "mapping"])
def test_command_names_who_goes_by_what(command: str, env: dict[str, str], client: redis.Redis, tmp_path: Path) -> None:
    """And says nothing once all agree."""
    processes = Ledger(client).processes
    processes.note(OTHER)
    done = parts.console(env, tmp_path, command)
    said = " ".join((done.stdout + done.stderr).split())
    assert f"the connections file is {fingerprint(tmp_path)}, worker host/7 runs by 3f9a12" in said
    assert done.returncode == (1 if command == "check" else 0)
    processes.note(replace(OTHER, fingerprint=fingerprint(tmp_path)))
    done = parts.console(env, tmp_path, command)
    assert "Configurations differ" not in done.stdout + done.stderr
    assert done.returncode == 0


def test_status_shows_the_faults_that_others_have_met(env: dict[str, str], client: redis.Redis, tmp_path: Path) -> None:
    """In words, and for programs."""
    Ledger(client).processes.note(ALIEN)
    shown = parts.console(env, tmp_path, "status").stdout
    assert "The files have faults, so worker host/8 goes on by the configuration before:" in shown
    assert ALIEN.faults[0] in shown
    told = json.loads(parts.console(env, tmp_path, "status", "--json").stdout)["configuration"]
    assert told["fingerprint"] == fingerprint(tmp_path)
    assert [each["name"] for each in told["processes"]] == ["host/8"]
    assert told["drift"]


def test_initialize_waits_for_all_to_agree_and_refuses_in_the_end(
    client: redis.Redis, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names who differs, and requests nobody."""
    assert env
    connections = load_connections(tmp_path / "connections.toml")
    ledger = Ledger(client)
    ledger.processes.note(OTHER)
    monkeypatch.setattr(drift, "AGREE_SECONDS", 0)
    assert not drift.agreed(Screen(), ledger, connections)
    waits: list[float] = []

    def agree(seconds: float) -> None:
        waits.append(seconds)
        ledger.processes.note(replace(OTHER, fingerprint=connections.fingerprint))

    monkeypatch.setattr(drift, "AGREE_SECONDS", 60)
    monkeypatch.setattr("worker.cli.drift.time.sleep", agree)
    assert drift.agreed(Screen(), ledger, connections)
    assert len(waits) == 1


def test_processes_that_are_silent_have_ended(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are shown no more, and forgotten a day later."""
    processes = Ledger(client).processes
    processes.note(OTHER)
    monkeypatch.setattr("worker.ledger.processes.OWN", "another")
    processes.note(replace(ALIEN, interval_seconds=100))
    for name in map(str, client.hkeys("stamped-sync:processes")):
        age(client, name, 60)
    assert [each.name for each in processes.running()] == [ALIEN.name]
    (gone,) = (name for name in map(str, client.hkeys("stamped-sync:processes")) if OTHER.name in name)
    age(client, gone, FORGOTTEN_MS // 1000)
    processes.note(ALIEN)
    assert gone not in client.hkeys("stamped-sync:processes")
    processes.end(ALIEN)
    assert client.hkeys("stamped-sync:processes") == []


def age(client: redis.Redis, name: str, seconds: int) -> None:
    """Let a process have noted nothing for some seconds."""
    seen, rest = str(client.hget("stamped-sync:processes", name)).split(" ", 1)
    client.hset("stamped-sync:processes", name, f"{int(seen) - seconds * 1000} {rest}")


def test_processes_of_two_containers_can_have_one_name(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a Pod share its host name, and each is the first process there."""
    processes = Ledger(client).processes
    processes.note(OTHER)
    processes.note(replace(OTHER, role="beat"))
    monkeypatch.setattr("worker.ledger.processes.OWN", "another")
    assert len(processes.note(OTHER)) == 3


def test_process_of_another_release_is_shown_with_what_it_says(client: redis.Redis) -> None:
    """It may note more, or less."""
    now, _ = client.time()
    client.hset("stamped-sync:processes", "listen host/3 1f2e", f'{now}000 {now}000 {{"later": 1}}')
    client.hset("stamped-sync:processes", "worker host/4 1f2e", f"{now}000 {now}000 [1]")
    client.hset("stamped-sync:processes", "worker host/5 1f2e", "x")
    (found,) = Ledger(client).processes.running()
    assert (str(found), found.fingerprint, found.faults) == ("listen host/3", "", ())


def test_process_notes_since_when_it_runs_so(client: redis.Redis) -> None:
    """The time stays as long as nothing of it changes."""
    processes = Ledger(client).processes
    (first,) = processes.note(OTHER)
    (again,) = processes.note(OTHER)
    (changed,) = processes.note(replace(OTHER, fingerprint="000000"))
    assert first.since
    assert again.since == first.since
    assert changed.since
    assert changed.since >= first.since


def test_broken_file_still_lets_the_status_be_seen(env: dict[str, str], client: redis.Redis, tmp_path: Path) -> None:
    """With its faults on top, and that nobody takes it."""
    path = tmp_path / "connections.toml"
    path.write_text(path.read_text().replace("ipaas =", "ipass ="), encoding="utf-8")
    faults = json.loads(parts.console(env, tmp_path, "status", "--json").stdout)["configuration"]["faults"]
    ledger = Ledger(client)
    ledger.processes.note(replace(OTHER, faults=tuple(faults)))
    ledger.request_all([replace(JOB, customer_id=str(number)) for number in range(1, 4)])
    done = parts.console(env, tmp_path, "status")
    assert done.returncode == 2
    assert "did you mean ipaas?" in done.stdout
    assert "None of it is taken: 1 process goes on by the configuration from before." in done.stdout
    assert "Refused notifications" in done.stdout
    table = [line.split() for line in done.stdout.splitlines()]
    assert ["Connection", "queued", "under", "way"] in table
    assert [str(JOB.system_id), "0", "3"] in table
    checked = parts.console(env, tmp_path, "check")
    assert checked.returncode == 2
    assert "did you mean ipaas?" in checked.stderr
    assert "✓ Redis: " in checked.stdout


def test_waiting_jobs_of_a_removed_connection_are_discarded(
    env: dict[str, str], client: redis.Redis, tmp_path: Path
) -> None:
    """Those that wait as well as those that have failed; of a configured connection only the latter."""
    ledger, knows_it = Ledger(client, stores={}), Ledger(client)
    failing, *gone = (replace(JOB, system_id=5000, customer_id=str(number)) for number in (1, 2, 3))
    knows_it.request(failing)
    knows_it.fail(knows_it.claim(failing), CALLS, FAILURE)
    ledger.request_all([*gone, JOB])
    done = parts.console(env, tmp_path, "failures", "discard", "--system", "5000", "--yes")
    assert (done.returncode, done.stdout.strip()) == (0, "3 jobs forgotten.")
    assert "2  waiting, of a connection that is not configured" in done.stderr
    assert ledger.records([*gone, failing]) == [None, None, None]
    parts.console(env, tmp_path, "failures", "discard", "--system", str(JOB.system_id), "--yes")
    assert ledger.record(JOB)
