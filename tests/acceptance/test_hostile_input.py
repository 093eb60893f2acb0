"""What people, listeners and APIs can get wrong: a clear message, exit code 2, no traceback, and nothing requested."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.acceptance.scene import ID, ZOE, Scene, scene, trigger
from worker.local.ports import free_port
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOWHERE = 4022
"""A system whose APIs have a host name that can't be resolved."""
HOST_NOT_FOUND = ("API host not found", "host-not-found", "Correct the api_url in the connections file")
UNREADABLE = ("API answer cannot be read", "answer-unreadable", "correct the api_url in the connections file")


@pytest.fixture(scope="module")
def started(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene with a worker that does not retry in seconds, and a connection to nowhere."""
    with scene(
        valkey_url, tmp_path_factory.mktemp("hostile"), Sandbox([ZOE], systems=(parts.SYSTEM, NOWHERE))
    ) as built:
        nowhere = parts.connection("http://no-such-host.invalid", system_id=NOWHERE)
        parts.write_connections(built.folder, built.url, more=nowhere)
        with built.running(STAMPED_SYNC_FAST_RETRIES="0"):
            yield built


@pytest.fixture
def stage(started: Scene) -> Scene:
    """The scene with nothing on it but the customer 150713."""
    started.clear()
    return started


def assert_refused(done: subprocess.CompletedProcess[str], *messages: str, code: int = 2) -> None:
    """An exit code and these messages, however their lines are broken; never a traceback."""
    said = " ".join((done.stdout + done.stderr).split())
    assert [message for message in messages if message not in said] == []
    assert "Traceback" not in said
    assert done.returncode == code


def assert_nothing_happened(stage: Scene) -> None:
    """No job in the ledger, and no call."""
    assert list(stage.client.scan_iter("stamped-sync:job:*")) == []
    assert stage.calls() == []


class TestConfiguration:
    """Every fault of a file is named at once, with file, key, what is wrong and an example of right."""

    FAULTS = (
        ("system_id = ", "system_id 4021 =", ["is not valid TOML", "line 2"]),
        ("system_id", "sytem_id", ["'sytem_id' is not a known key; did you mean system_id?", "system_id: is missing"]),
        ('"sandbox-token"', '{ env = "NO_SUCH_TOKEN" }', ["ipaas.token", "NO_SUCH_TOKEN"]),
        ('"sandbox-token"', '{ file = "no-such-file" }', ["ipaas.token", "no-such-file"]),
        ("http://", "ftp://", ["ipaas.api_url", "stamped.api_url", "must be an http:// or https:// URL"]),
    )

    @pytest.mark.parametrize(("right", "wrong", "messages"), FAULTS, ids=[wrong for _, wrong, _ in FAULTS])
    def test_faults_of_the_connections_file_are_named(
        self, started: Scene, tmp_path: Path, right: str, wrong: str, messages: list[str]
    ) -> None:
        """The file, the place in it, and what would be right."""
        broken = broken_file(started, tmp_path, right, wrong)
        done = started.console("connections", STAMPED_SYNC_CONNECTIONS=str(broken))
        assert_refused(done, str(broken), *messages)

    def test_worker_with_a_broken_connections_file_does_not_start(self, started: Scene, tmp_path: Path) -> None:
        """`celery -A worker.app worker` ends with code 2 and names the faults, before it takes a job."""
        broken = broken_file(started, tmp_path, "system_id", "sytem_id")
        command = [sys.executable, "-m", "celery", "-A", "worker.app", "worker"]
        env = started.env | {"STAMPED_SYNC_CONNECTIONS": str(broken)}
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert_refused(done, str(broken), "did you mean system_id?")

    @pytest.mark.parametrize(("arguments", "code"), [(("sync", ID), 2), (("trigger",), 75)], ids=str)
    def test_redis_that_is_down_is_named(
        self, started: Scene, tmp_path: Path, arguments: tuple[str, ...], code: int
    ) -> None:
        """Where it was looked for, and what to do; a trigger can be sent again."""
        url = f"redis://:secret-word@127.0.0.1:{free_port()}/0"
        connections = broken_file(started, tmp_path, "", "")
        env = {"STAMPED_SYNC_REDIS_URL": url, "STAMPED_SYNC_CONNECTIONS": str(connections)}
        done = started.console(*arguments, text=json.dumps(trigger()), **env)
        named = f"Redis does not answer at {url.replace('secret-word', '***')}"
        assert_refused(done, named, "STAMPED_SYNC_REDIS_URL", code=code)


def broken_file(started: Scene, folder: Path, right: str, wrong: str) -> Path:
    """A connections file of one connection, with something wrong in place of something right."""
    path = folder / "broken.toml"
    path.write_text(parts.connection(started.url).replace(right, wrong), encoding="utf-8")
    return path


class TestIdsAndTriggers:
    """All that is wrong is named; nothing is requested."""

    def test_bad_ids_are_all_named_and_none_is_requested(self, stage: Scene) -> None:
        """A word, an id with a slash, a negative and a huge number, beside a right one."""
        ids = [ID, "zoe", "15/0713", "+150713", "1" * 20]
        done = stage.console("sync", *ids, "--system", str(parts.SYSTEM))
        assert_refused(done, *(f"'{bad}' is not a whole number of 1 to 19 digits" for bad in ids[1:]))
        assert_nothing_happened(stage)

    @pytest.mark.parametrize("command", ["sync", "preview"])
    def test_unknown_system_is_named(self, stage: Scene, command: str) -> None:
        """With those that are configured."""
        done = stage.console(command, ID, "--system", "9999")
        assert_refused(done, "connection-unknown", "9999", f"configured: {parts.SYSTEM} Sandbox {parts.SYSTEM}")
        assert_nothing_happened(stage)

    TRIGGERS = (
        ("{not json", ["trigger-malformed", "it is not JSON"]),
        (" " * 10_000_000 + "{}", ["trigger-malformed", "it is longer than 2 MB"]),
        (json.dumps(trigger(None)), ["trigger-malformed", "`id` is missing"]),
        (json.dumps(trigger("zoe@example.com")), ["customer-id-invalid", "1 to 19 digits"]),
        (json.dumps(trigger("15/0713")), ["customer-id-invalid", "1 to 19 digits"]),
        (json.dumps(trigger(system_id=9999)), ["connection-unknown", "9999"]),
    )
    TRIGGER_NAMES = ("not JSON", "10 MB", "without id", "an address for an id", "a slash", "another system")

    @pytest.mark.parametrize(("text", "messages"), TRIGGERS, ids=TRIGGER_NAMES)
    def test_bad_trigger_is_refused(self, stage: Scene, text: str, messages: list[str]) -> None:
        """On standard input; the refusal is kept, without what could be personal data."""
        done = stage.console("trigger", text=text)
        assert_refused(done, *messages)
        assert "zoe@example.com" not in done.stdout + done.stderr
        assert len(stage.ledger.refusals()) == 1
        assert_nothing_happened(stage)


class TestApis:
    """An address that leads nowhere, or to a web page."""

    WEB_PAGES = (Fault(api="ipaas", shape="html"), Fault(api="stamped", shape="html"))

    def test_preview_names_a_host_that_cannot_be_resolved(self, stage: Scene) -> None:
        """With what to correct."""
        done = stage.console("preview", ID, "--system", str(NOWHERE))
        assert_refused(done, *HOST_NOT_FOUND, "no-such-host.invalid cannot be resolved")

    def test_sync_names_a_host_that_cannot_be_resolved(self, stage: Scene) -> None:
        """The job rests for a retry, since name resolution can fail for a while; the command says so and ends."""
        done = stage.console("sync", ID, "--system", str(NOWHERE), "--wait")
        assert_refused(done, *HOST_NOT_FOUND, "waiting")

    @pytest.mark.parametrize("fault", WEB_PAGES, ids=lambda fault: fault.api)
    @pytest.mark.parametrize("arguments", [("preview", ID), ("sync", ID, "--wait")], ids=" ".join)
    def test_web_page_in_place_of_json_is_named(self, stage: Scene, fault: Fault, arguments: tuple[str, ...]) -> None:
        """As a proxy or a login page answers: it failed, which can be the API's fault as well as the address's."""
        stage.sandbox.add_fault(fault)
        done = stage.console(*arguments, "--system", str(parts.SYSTEM))
        assert_refused(done, *UNREADABLE, "a web page", code=1)
        assert stage.sandbox.links[parts.SYSTEM] == {}
