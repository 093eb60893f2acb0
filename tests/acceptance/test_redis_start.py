"""What a process does that is started on a Redis that is not as it must be, and on one with the least rights."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests import parts
from tests.acceptance.scene import ID, ZOE, person, scene, trigger
from tests.proofs.processes import SERVERS, Server
from tests.redis_rights import rule
from worker.jobs.job import Kind
from worker.local.ports import free_port
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGIN = ("operator", "secret")
USER = ("ACL", "SETUSER", "worker", "reset", "on", ">hidden", "resetchannels")
EVICTING = "evicts accepted jobs when it is full (maxmemory-policy allkeys-lru)"
UNFIT = {
    "evicting": EVICTING,
    "no channels": "&/0.celery.pidbox",
    "the ledger's keys alone": "~customers*",
    "reading alone": "+evalsha",
    "a cluster": "is a cluster",
    "wrong password": "does not accept the user or the password",
}
"""Redis as operators had them, each with what is said of it."""
RIGHTS = {
    "no channels": "~* +@all",
    "the ledger's keys alone": "~stamped-sync:* &* +@all",
    "reading alone": "~* &* +@read",
}


@contextlib.contextmanager
def unfit(kind: str, name: str, folder: Path) -> Iterator[str]:
    """A running Redis of that kind; its URL."""
    with Server(name, folder, cluster=kind == "a cluster").running() as server:
        url = server.url
        if kind == "evicting":
            server.client.config_set("maxmemory-policy", "allkeys-lru")
            server.client.config_set("maxmemory", "1gb")
        elif kind == "wrong password":
            url = url.replace("//", "//worker:other@")
        elif kind in RIGHTS:
            server.client.execute_command(*USER, *RIGHTS[kind].split())  # type: ignore[no-untyped-call]
            url = url.replace("//", "//worker:hidden@")
        yield url


@pytest.mark.parametrize("kind", UNFIT)
def test_worker_does_not_start_and_check_says_the_same(tmp_path: Path, kind: str) -> None:
    """Code 2, in words; no job is taken that would be lost, and nothing secret is shown."""
    with unfit(kind, SERVERS[-1], tmp_path) as url:
        env = parts.environment(url, parts.write_connections(tmp_path, "http://127.0.0.1:1"))
        checked, ended = parts.console(env, tmp_path, "check"), parts.celery(env, tmp_path, "worker")
    assert (checked.returncode, ended.returncode) == (1, 2)
    assert f"✗ Redis, {url.replace('hidden', '***').replace('other', '***')}: it " in checked.stdout
    for words in (checked.stdout, ended.stderr):
        assert UNFIT[kind] in words
        assert not [each for each in ("hidden", "other@", "Traceback") if each in words]


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("command", ["worker", "beat", "flower", "up"])
def test_nothing_starts_on_a_redis_that_evicts_jobs(tmp_path: Path, command: str, name: str) -> None:
    """Accepted jobs would vanish unseen."""
    with unfit("evicting", name, tmp_path) as url:
        env = parts.environment(url, parts.write_connections(tmp_path, "http://127.0.0.1:1"))
        start = parts.console if command == "up" else parts.celery
        options = ["--flower-port", str(free_port())] if command == "up" else []
        ended = start(env, tmp_path, command, *options)
    assert ended.returncode == 2
    assert f"Redis: {url}: {EVICTING}: set maxmemory-policy noeviction" in ended.stderr
    assert not (tmp_path / "stamped-sync-data").exists()


@pytest.mark.parametrize("command", ["worker", "beat", "flower", "check", "up"])
def test_nothing_starts_on_a_url_that_can_not_be_used(tmp_path: Path, command: str) -> None:
    """It is refused when the settings are read, in one line; as Celery's own URL it is not used at all."""
    url = "redis://:hidden@127.0.0.1:1/0?max_connections=5"
    env = parts.environment(url, parts.write_connections(tmp_path, "http://127.0.0.1:1"), CELERY_BROKER_URL="amqp://")
    ended = (parts.console if command in {"check", "up"} else parts.celery)(env, tmp_path, command)
    assert ended.returncode == 2
    assert "STAMPED_SYNC_REDIS_URL: 'max_connections' is not a known option of the Redis URL" in ended.stderr
    assert not [each for each in ("hidden", "Traceback") if each in ended.stdout + ended.stderr]


def test_urls_of_celery_are_not_used_and_that_is_said(tmp_path: Path, redis_url: str) -> None:
    """They are another application's, as likely as not."""
    env = parts.environment(redis_url, parts.write_connections(tmp_path, "http://127.0.0.1:1"))
    ended = parts.celery(env | {"CELERY_BROKER_URL": "redis://127.0.0.1:1/7"}, tmp_path, "purge", "--force")
    assert ended.returncode == 0
    assert "CELERY_BROKER_URL (celery -b) is not used" in ended.stderr


def test_warning_is_logged_at_the_start(tmp_path: Path) -> None:
    """A Redis that keeps nothing on its disk is used; the log says what that costs."""
    sandbox = Sandbox([ZOE])
    with parts.valkey() as url, scene(url, tmp_path, sandbox) as stage, stage.worker():
        assert stage.sync(ID)
    assert "Redis keeps its data in memory alone: a restart loses every job" in stage.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SERVERS)
def test_least_rights_are_all_that_is_used(tmp_path: Path, name: str) -> None:
    """Worker, beat, Flower and commands under a user with the rights of the operator's guide are refused nothing."""
    sandbox, port = Sandbox([ZOE, *(person(str(number)) for number in range(1, 9))]), free_port()
    with Server(name, tmp_path).running() as server, scene(server.url, tmp_path, sandbox) as stage:
        rights = [*rule(0).split(), "+info", "+config|get", "+acl|whoami"]
        server.client.execute_command(*USER, *rights)  # type: ignore[no-untyped-call]
        stage.env["STAMPED_SYNC_REDIS_URL"] = server.url.replace("//", "//worker:hidden@")
        parts.write_connections(tmp_path, stage.url, subscription=False)
        server.client.execute_command("ACL", "LOG", "RESET")  # type: ignore[no-untyped-call]
        with stage.running(), parts.flower_process(stage.env, tmp_path / "flower.log", port, ":".join(LOGIN)):
            stage.submit(*(trigger(str(number)) for number in range(1, 8)))
            assert len(stage.sync(ID)) == 2
            stage.eventually(lambda: stage.ledger.counts(Kind.SUBSCRIPTION).done == 8)
            for command in (
                ["check"],
                ["status"],
                ["failures", "list"],
                ["sync", "999", "--wait"],
                ["failures", "show", "999"],
            ):
                assert "NOPERM" not in stage.console(*command).stdout
            for page in PAGES:
                assert _status(f"http://127.0.0.1:{port}{page}") == requests.codes.ok, page
        assert refused(server) == set()


PAGES = (
    "/",
    "/broker",
    "/activity",
    "/error-logs",
    "/manual-sync",
    "/metrics",
    "/api/workers?refresh=true",
    "/api/tasks",
)
NEEDLESS = {"client|setinfo", "client"}
"""What the client only tells about itself."""


def refused(server: Server) -> set[str]:
    """What was refused to our user."""
    entries: Any = server.client.acl_log(count=1000)
    return {f"{each['reason']} {each['object']}" for each in entries if each["object"] not in NEEDLESS}


def _status(url: str) -> int:
    def ask() -> int:
        try:
            return requests.get(url, auth=LOGIN, timeout=30).status_code
        except requests.ConnectionError:
            return 0

    return int(parts.eventually(ask))
