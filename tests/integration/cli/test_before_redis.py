"""What an integrator does before there is any Redis."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.local.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from worker.sandbox.server import RunningSandbox

HINT = "`stamped-sync up` brings a Redis of its own."
NO_REDIS = "redis://127.0.0.1:9/0"


@pytest.fixture
def env(sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation without a Redis."""
    return parts.environment(NO_REDIS, parts.write_connections(tmp_path, sandbox.url))


def test_check_says_that_up_brings_a_redis(env: dict[str, str], tmp_path: Path) -> None:
    """It is still a failed check: no job runs."""
    done = parts.console(env, tmp_path, "check")
    assert (done.returncode, HINT in done.stdout) == (1, True)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hidden@127.0.0.1:{port}/0",
        "rediss://127.0.0.1:{port}/0",
        "redis://127.0.0.1:{port}/16",
        "redis://no-such-host.invalid/0",
    ],
)
def test_check_does_not_promise_what_up_would_not_do(url: str, env: dict[str, str], tmp_path: Path) -> None:
    """It brings none with a login, with TLS or on another machine."""
    env |= {"STAMPED_SYNC_REDIS_URL": url.format(port=free_port())}
    done = parts.console(env, tmp_path, "check")
    assert (done.returncode, HINT in done.stdout, "hidden" in done.stdout) == (1, False, False)


def test_redis_that_refuses_is_there_already(env: dict[str, str], redis_url: str, tmp_path: Path) -> None:
    """Another one would not help."""
    url = f"{redis_url.removesuffix('/0')}/99"
    done = parts.console(env | {"STAMPED_SYNC_REDIS_URL": url}, tmp_path, "check")
    assert (done.returncode, "✗ Redis" in done.stdout, HINT in done.stdout) == (1, True, False)


@pytest.mark.parametrize("options", [[], ["--unlinked"]])
def test_customers_are_counted(options: list[str], env: dict[str, str], tmp_path: Path) -> None:
    """Before the first load, and before anything has been started."""
    done = parts.console(env, tmp_path, "initialize", "--dry-run", "--json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    counted = json.loads(done.stdout)
    assert (counted["state"], counted["customers"], counted["unlinked"]) == ("counted", 1, 1)


def test_initialize_itself_needs_one(env: dict[str, str], tmp_path: Path) -> None:
    """The jobs are in it."""
    done = parts.console(env, tmp_path, "initialize")
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)


def test_what_is_probably_a_mistake_is_said(env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path) -> None:
    """By `check` among its results, by `connections` beside them; it fails nothing."""
    more = parts.connection(sandbox.url, system_id=4022, more="triggers = []")
    parts.write_connections(tmp_path, sandbox.url, more=more.replace("Sandbox 4022", "Sandbox 4021"))
    checked = parts.console(env, tmp_path, "check").stdout
    shown = parts.console(env, tmp_path, "connections", "--json")
    assert (shown.returncode, len([json.loads(line) for line in shown.stdout.splitlines()])) == (0, 2)
    for words in (
        "! 4022 Sandbox 4021: triggers is empty",
        "! 4021 and 4022 have one name, Sandbox 4021: ",
        "! 4021 and 4022 have one Stamped.io store, 270392: ",
    ):
        assert words in checked
        assert words in shown.stderr
