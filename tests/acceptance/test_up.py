"""Everything on one machine: it starts what is missing, keeps it running, and ends it in order."""

from __future__ import annotations

import os
import signal
import socket
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
import redis
import requests

from tests import parts
from tests.acceptance.processes import alive, children_of, own_environment, started
from worker.config.cores import cores
from worker.jobs.job import Job, Kind, State
from worker.ledger import Ledger
from worker.local.ports import free_port
from worker.local.valkey import url_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from worker.sandbox.server import RunningSandbox

JOB = Job(Kind.CUSTOMER, parts.SYSTEM, "150713")


@dataclass(frozen=True)
class Up:
    """`stamped-sync up` in a folder of its own."""

    process: subprocess.Popen[bytes]
    folder: Path
    redis_url: str
    flower_port: int

    @property
    def children(self) -> dict[str, int]:
        """The process ids of its children, by what they are."""
        found = children_of(self.process.pid).items()
        names = {"valkey-server": "valkey", "app beat": "beat", "app flower": "flower", "worker.cli listen": "listen"}
        names |= {f"--hostname={name}@": name for name in ("worker", "worker1", "worker2")}
        return {name: pid for pid, command in found for sign, name in names.items() if sign in command}

    def end(self) -> tuple[int, list[int]]:
        """Ask it to end: its exit code, and the children that are left."""
        children = self.children.values()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(parts.PATIENCE_SECONDS), alive(children)

    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "err").read_text()

    def wait_until_running(self) -> None:
        """Wait for the worker and for Flower."""
        parts.eventually(lambda: "ready." in self.log(), progress=self.log)
        parts.eventually(lambda: self.answers_of_flower("/healthcheck") == requests.codes.ok, progress=self.log)

    def answers_of_flower(self, path: str, login: tuple[str, str] | None = None) -> int | None:
        """The status of one of Flower's pages; None where Flower does not answer."""
        try:
            return requests.get(
                f"http://127.0.0.1:{self.flower_port}{path}", auth=login, timeout=parts.PATIENCE_SECONDS
            ).status_code
        except requests.ConnectionError:
            return None

    def transfers(self) -> int:
        """Ask for one transfer, as any producer could; the version that has settled then."""
        with redis.Redis.from_url(self.redis_url, decode_responses=True) as client:
            ledger = Ledger(client)
            version = ledger.request(JOB, asker=parts.BY_HAND)
            record = parts.eventually(lambda: (held := ledger.record(JOB)) and held.has_settled(version) and held)
            assert record.state is State.DONE
            return version


def environment(folder: Path, redis_url: str, sandbox_url: str, **more: str) -> dict[str, str]:
    """The environment of an installation whose connection is a sandbox."""
    connections = parts.write_connections(folder, sandbox_url)
    ours = {"STAMPED_SYNC_REDIS_URL": redis_url, "STAMPED_SYNC_CONNECTIONS": str(connections)}
    return own_environment(PYTHONPATH=str(parts.ROOT), **(parts.QUICK | ours | more))


@contextmanager
def up(
    folder: Path, redis_url: str, sandbox: RunningSandbox, *options: str, workers: str = "1", **more: str
) -> Iterator[Up]:
    """Everything, running."""
    port = free_port()
    env = environment(folder, redis_url, sandbox.url, **more)
    with started(["up", "--flower-port", str(port), "--workers", workers, *options], env, folder) as process:
        running = Up(process, folder, redis_url, port)
        running.wait_until_running()
        yield running


def refusal(folder: Path, env: dict[str, str], *options: str) -> str:
    """What `up` says on standard error when it must not start."""
    with started(["up", *options], env, folder) as process:
        assert process.wait(parts.PATIENCE_SECONDS) == 2
    words = (folder / "err").read_text()
    assert "Traceback" not in words
    return words


def test_it_ends_with_code_0_on_sigterm_and_leaves_no_child(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """Worker, beat, Flower and an embedded Valkey."""
    with up(tmp_path, url_of(free_port()), sandbox) as running:
        assert running.children.keys() == {"worker", "beat", "flower", "valkey"}
        assert "Redis can't be reached" not in running.log()  # that none is there yet is no outage
        assert running.end() == (0, [])


def test_it_survives_a_killed_worker(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """Another worker takes its place, and customers are transferred as before."""
    with up(tmp_path, url_of(free_port()), sandbox) as running:
        before = running.transfers()
        os.kill(running.children["worker"], signal.SIGKILL)
        assert running.transfers() == before + 1
        assert "worker ended with signal 9" in running.log()


def test_it_survives_a_killed_valkey_without_losing_a_job(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """The server starts again with all that it has answered for."""
    with up(tmp_path, url_of(free_port()), sandbox) as running:
        before = running.transfers()
        os.kill(running.children["valkey"], signal.SIGKILL)
        parts.eventually(lambda: running.log().count("valkey ended with signal 9"))
        parts.eventually(lambda: "valkey" in running.children)
        with redis.Redis.from_url(running.redis_url) as client:
            parts.eventually(lambda: parts.answers(client))
        assert running.transfers() == before + 1


def test_its_embedded_valkey_keeps_its_data(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """What a first run did is known to the second."""
    url = url_of(free_port())
    with up(tmp_path, url, sandbox) as running:
        first = running.transfers()
        running.end()
    with up(tmp_path, url, sandbox) as running:
        assert running.transfers() == first + 1


def test_it_uses_the_redis_that_is_there(tmp_path: Path, sandbox: RunningSandbox, redis_url: str) -> None:
    """No Valkey is embedded where something answers."""
    with up(tmp_path, redis_url, sandbox) as running:
        assert running.children.keys() == {"worker", "beat", "flower"}


def test_it_takes_triggers_by_http_if_there_is_a_token(tmp_path: Path, sandbox: RunningSandbox, redis_url: str) -> None:
    """The front door is started again when it dies, and ends with the rest."""
    port, token = free_port(), "0123456789abcdef"
    trigger = {
        "notifications": [{"id": JOB.customer_id, "destination": str(JOB.system_id), "scope": "customer/updated"}]
    }

    def status() -> int | None:
        try:
            url, header = f"http://127.0.0.1:{port}/triggers", {"Authorization": f"Bearer {token}"}
            return requests.post(url, json=trigger, headers=header, timeout=parts.PATIENCE_SECONDS).status_code
        except requests.ConnectionError:
            return None

    tokens = {"STAMPED_SYNC_LISTEN_TOKENS": f"shop:{token}"}
    with up(tmp_path, redis_url, sandbox, "--listen-port", str(port), **tokens) as running:
        parts.eventually(lambda: status() == 202, progress=running.log)
        assert running.children.keys() == {"worker", "beat", "flower", "listen"}
        assert f"Triggers: http://127.0.0.1:{port}/triggers" in running.log()
        os.kill(running.children["listen"], signal.SIGKILL)
        parts.eventually(lambda: running.log().count("listen ended with signal 9"))
        parts.eventually(lambda: status() == 202, progress=running.log)
        assert token not in running.log()
        assert running.end() == (0, [])


def test_it_runs_as_many_workers_as_it_is_told(tmp_path: Path, sandbox: RunningSandbox, redis_url: str) -> None:
    """Each under a name and on a core of its own, as far as there are cores; and all end with it."""
    with up(tmp_path, redis_url, sandbox, workers="2") as running:
        parts.eventually(lambda: running.log().count("ready.") == 2, progress=running.log)
        assert running.children.keys() == {"worker1", "worker2", "beat", "flower"}
        places = [os.sched_getaffinity(running.children[name]) for name in ("worker1", "worker2")]
        assert places == [{core} for core, _ in zip(cycle(cores()), places, strict=False)]
        assert running.end() == (0, [])


def test_flower_demands_the_password_that_is_kept_for_its_owner_alone(
    tmp_path: Path, sandbox: RunningSandbox, redis_url: str
) -> None:
    """Nobody else can read the file, and nobody without it sees a task."""
    with up(tmp_path, redis_url, sandbox) as running:
        kept = tmp_path / "stamped-sync-data" / "flower-password"
        login = ("operator", kept.read_text().strip())
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert str(kept) in running.log()
        assert login[1] not in running.log()
        assert running.answers_of_flower("/api/tasks") == requests.codes.unauthorized
        assert running.answers_of_flower("/api/tasks", login) == requests.codes.ok


def test_flower_takes_the_login_of_the_settings(tmp_path: Path, sandbox: RunningSandbox, redis_url: str) -> None:
    """With letters of any language; then none is made."""
    login = {"STAMPED_SYNC_FLOWER_USER": "zoë", "STAMPED_SYNC_FLOWER_PASSWORD": "pässwört: or not"}
    with up(tmp_path, redis_url, sandbox, **login) as running:
        assert running.answers_of_flower("/api/tasks", ("zoë", "pässwört: or not")) == requests.codes.ok
        assert not (tmp_path / "stamped-sync-data" / "flower-password").exists()


def test_a_second_one_on_the_same_data_is_refused(tmp_path: Path, sandbox: RunningSandbox, redis_url: str) -> None:
    """Two servers on one append-only file would ruin it."""
    with up(tmp_path, redis_url, sandbox) as running:
        data = str(running.folder / "stamped-sync-data")
        (tmp_path / "second").mkdir()
        env = environment(tmp_path / "second", redis_url, sandbox.url, STAMPED_SYNC_DATA=data)
        assert "another `stamped-sync up` runs" in refusal(tmp_path / "second", env, "--flower-port", str(free_port()))


def test_redis_on_another_machine_is_never_embedded(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """The message names the address, and nothing is started."""
    env = environment(tmp_path, "redis://:hidden@redis.invalid:6379/0", sandbox.url)
    words = refusal(tmp_path, env, "--flower-port", str(free_port()))
    assert "redis.invalid" in words
    assert "hidden" not in words
    assert not (tmp_path / "stamped-sync-data").exists()


def test_what_listens_but_is_no_redis_is_left_alone(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """Another program has the port: that is said, and no Valkey tried."""
    url = sandbox.url.replace("http://", "redis://") + "/0"
    words = refusal(tmp_path, environment(tmp_path, url, sandbox.url), "--flower-port", str(free_port()))
    assert "Redis does not answer" in words


def test_a_wrong_configuration_is_refused_before_anything_starts(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """All its faults are named."""
    env = environment(tmp_path, url_of(free_port()), sandbox.url)
    (tmp_path / "connections.toml").write_text('[[connection]]\nsystem_id = "x"\nnme = "Acme"\n')
    words = refusal(tmp_path, env, "--flower-port", str(free_port()))
    assert "system_id" in words
    assert "nme" in words
    assert not (tmp_path / "stamped-sync-data").exists()


def test_a_taken_flower_port_is_refused(tmp_path: Path, sandbox: RunningSandbox) -> None:
    """With the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        env = environment(tmp_path, url_of(free_port()), sandbox.url)
        assert f"port {port} is taken; choose another" in refusal(tmp_path, env, "--flower-port", port)


@pytest.mark.parametrize("name", ["STAMPED_SYNC_FLOWER_USER", "STAMPED_SYNC_FLOWER_PASSWORD"])
def test_a_login_that_flower_would_misread_is_refused(tmp_path: Path, sandbox: RunningSandbox, name: str) -> None:
    """A comma would make it two logins."""
    env = environment(tmp_path, url_of(free_port()), sandbox.url, **{name: "one,two"})
    assert name in refusal(tmp_path, env, "--flower-port", str(free_port()))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("flower-password", b"p\xff\n", "flower-password is not UTF-8 text"),
        ("flower-password", None, "flower-password is a folder"),
        ("flower-password", b"one,two\n", "without a comma"),
        ("flower-password", b"one\ntwo\n", "a line break"),
        ("valkey", b"", "valkey can't be a folder"),
        ("lock", None, "can't be used"),
    ],
)
def test_what_a_person_left_in_the_data_folder_is_refused(
    tmp_path: Path, sandbox: RunningSandbox, name: str, content: bytes | None, words: str
) -> None:
    """In words with the path, and nothing is started."""
    (left := tmp_path / "stamped-sync-data" / name).parent.mkdir()
    left.mkdir() if content is None else left.write_bytes(content)
    env = environment(tmp_path, url_of(free_port()), sandbox.url)
    said = " ".join(refusal(tmp_path, env, "--flower-port", str(free_port())).split())
    assert words in said
    assert "STAMPED_SYNC_DATA" in said
    assert "Traceback" not in said
