"""A configuration that changes under processes that run: each takes it by itself, and no job is lost."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests import parts
from tests.acceptance.scene import Scene, customer, person, scene
from worker.jobs.job import Kind, State
from worker.local.ports import free_port
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER = 5000
PEOPLE = [person(str(number)) for number in range(1, 61)]
LOGIN = "operator:a-long-password"
FAST = {"STAMPED_SYNC_RELOAD_SECONDS": "0.3"}


@pytest.fixture
def running(redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    """A scene with a worker and a beat that look for changes three times a second."""
    with scene(redis_url, tmp_path, Sandbox(PEOPLE, systems=(parts.SYSTEM, OTHER))) as made, made.running(**FAST):
        made.eventually(lambda: len(made.ledger.processes.running()) == len(["worker", "beat"]))
        yield made


def write(made: Scene, *connections: str) -> None:
    """Write the connections file anew, as an editor does: in one go."""
    path = made.folder / "connections.toml"
    path.with_suffix(".new").write_text("\n".join(connections), encoding="utf-8")
    path.with_suffix(".new").replace(path)


def fingerprints(made: Scene) -> set[str]:
    """By what the processes run."""
    return {each.fingerprint for each in made.ledger.processes.running()}


def fresh(made: Scene) -> int:
    """When the processes have noted something last, in tenths of a second."""
    noted: Any = made.client.hvals("stamped-sync:processes")
    return max(int(each.split(" ")[0]) for each in noted) // 100


@contextlib.contextmanager
def taken(made: Scene) -> Iterator[None]:
    """Wait, after the block has changed the configuration, until each process has taken the change."""
    before = fingerprints(made)
    yield
    made.eventually(lambda: len(now := fingerprints(made)) == 1 and now != before)


def test_mapping_that_changes_is_followed_by_the_next_job(running: Scene) -> None:
    """And each attempt says by which configuration it was run."""
    first = running.settled(customer("1"), running.request(customer("1"))[customer("1")])
    with taken(running):
        parts.write_mapping(running.folder, subscription=False)
        write(running, parts.connection(running.url, more='mapping = "mapping.toml"'))
    running.settled(customer("1"), running.request(customer("1"))[customer("1")])
    attempts = running.ledger.events.life_of(first.job)
    assert [each.configuration in fingerprints(running) for each in attempts] == [True, False]  # the newest first
    with taken(running):
        parts.write_mapping(running.folder, subscription=True)  # the file alone, which the connections file names
    running.settled(customer("2"), running.request(customer("2"))[customer("2")])
    running.eventually(lambda: running.linked("2")["isSubscribed"])


def test_connection_is_added_and_removed_while_jobs_wait(running: Scene) -> None:
    """Jobs of a connection that is gone wait, and are done once it is back; none fails."""
    own, other = parts.connection(running.url), parts.connection(running.url, system_id=OTHER)
    early = [customer(str(number), OTHER) for number in range(1, 11)]
    running.publish(*early[:2])
    running.request(*early)
    running.eventually(lambda: running.client.hget(running.ledger.key(early[0]), "left"))
    assert {record and record.state for record in running.ledger.records(early)} <= {State.QUEUED, State.SENT}
    with taken(running):
        write(running, own, other)
    running.eventually(lambda: running.done(early) == len(early))
    late = [customer(str(number), OTHER) for number in range(11, 31)]
    with taken(running):
        write(running, own)
    running.request(*late)
    running.eventually(lambda: running.ledger.counts(Kind.CUSTOMER).queued == len(late))
    status = running.console("status").stdout
    assert f"{OTHER}" in status
    assert "20 jobs" in status
    with taken(running):
        write(running, own, other)
    running.eventually(lambda: running.done(late) == len(late))
    assert running.ledger.counts(Kind.CUSTOMER).failed == 0


def test_file_with_faults_is_not_taken(running: Scene) -> None:
    """The one before goes on, and the faults are told until they are mended, in the log once."""
    before = fingerprints(running)
    write(running, parts.connection(running.url).replace("ipaas =", "ipass ="), "[[connection]]\nsystem_id = 0")
    running.eventually(lambda: all(each.faults for each in running.ledger.processes.running()))
    running.settled(customer("3"), running.request(customer("3"))[customer("3")])
    status = running.console("status")
    assert status.returncode == 2
    assert "did you mean ipaas?" in status.stdout + status.stderr
    assert "subscriptions" in status.stdout
    looks = fresh(running)
    running.eventually(lambda: fresh(running) >= looks + 3)
    assert running.log.read_text().count("did you mean ipaas?") == 1
    write(running, parts.connection(running.url))
    running.eventually(lambda: not any(each.faults for each in running.ledger.processes.running()))
    assert fingerprints(running) == before


def test_throttle_that_is_lowered_holds_for_the_next_window(running: Scene) -> None:
    """No window has more calls than the new limit, once the workers have taken it."""
    with taken(running):
        write(running, parts.connection(running.url, more="throttle = { limit = 5, seconds = 2 }"))
    running.sandbox.forget_calls()
    jobs = [customer(str(number)) for number in range(31, 46)]
    running.console("sync", *(each.customer_id for each in jobs))
    running.eventually(lambda: running.done(jobs) == len(jobs))
    times = sorted(call.at for call in running.sandbox.calls if call.api == "stamped")
    assert all(later - first >= 2 for first, later in zip(times, times[5:], strict=False))


def test_secret_behind_a_link_is_read_when_the_link_moves(running: Scene) -> None:
    """As Kubernetes swaps a secret: the file's name stays, and its folder is another one."""
    for version, token in (("v1", "wrong-token"), ("v2", parts.TOKEN)):
        (running.folder / version).mkdir()
        (running.folder / version / "token").write_text(token)
    link = running.folder / "current"
    link.symlink_to("v1")
    secret = parts.connection(running.url).replace(f'token = "{parts.TOKEN}"', 'token = { file = "current/token" }')
    with taken(running):
        write(running, secret)
    running.request(customer("51"))
    running.eventually(running.ledger.holds)
    shutil.copystat(running.folder / "v1" / "token", running.folder / "v2" / "token")
    (running.folder / "next").symlink_to("v2")
    (running.folder / "next").replace(link)
    running.settled(customer("51"))
    assert not running.ledger.holds()
    assert "wrong-token" not in running.log.read_text()


def test_two_workers_with_different_files_are_named(running: Scene, tmp_path: Path) -> None:
    """By the commands that show what is configured, by pages and metrics; an initialize waits for them to agree."""
    other = tmp_path / "other"
    other.mkdir()
    path = other / "connections.toml"
    path.write_text(parts.connection(running.url, more="throttle = { limit = 50 }"), encoding="utf-8")
    port = free_port()
    with (
        running.worker("-n", "other@%h", STAMPED_SYNC_CONNECTIONS=str(path), **FAST),
        parts.flower_process(running.env | FAST, tmp_path / "flower.log", port, LOGIN),
    ):
        running.eventually(lambda: len(running.ledger.processes.running()) == 4)
        assert len(fingerprints(running)) == 2
        for command in ("status", "connections", "mapping"):
            done = running.console(command)
            assert "Configurations differ: the connections file is" in done.stdout + done.stderr
        url = f"http://{LOGIN}@127.0.0.1:{port}"
        running.eventually(lambda: "Configurations differ" in requests.get(f"{url}/activity", timeout=60).text)
        shown = requests.get(f"{url}/metrics", timeout=60).text
        assert shown.count('stamped_sync_processes{configuration="') == 4
        line = parts.console_command("initialize", "--system", str(parts.SYSTEM))
        manner: Any = {"env": running.env, "cwd": running.folder, "text": True}
        with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **manner) as begun:
            assert begun.stderr
            assert "Waiting up to a minute for the processes to agree" in begun.stderr.readline()
            assert not running.client.keys("stamped-sync:initialize:*")
            path.write_text((running.folder / "connections.toml").read_text(), encoding="utf-8")
            assert begun.wait() == 0
        assert len(fingerprints(running)) == 1
    running.eventually(lambda: running.done([customer(str(each)) for each in range(1, 61)]) == 60)
