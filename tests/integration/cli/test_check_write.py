"""`stamped-sync check --write` as a person meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests import parts
from worker.contract.assumptions import ASSUMPTIONS
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox

EMAIL = "test@example.com"
WRITE = ("check", "--write", "--email", EMAIL)


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that the sandbox answers."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url))


def test_all_holds(env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox) -> None:
    """One line for each assumption with its place, then the test customer: code 0."""
    done = parts.console(env, tmp_path, *WRITE, "--yes")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    for line, assumption in zip(lines[1:], ASSUMPTIONS, strict=False):
        assert line == f"✓ {assumption.says} ({assumption.place})"
    assert f"{len(ASSUMPTIONS)} of {len(ASSUMPTIONS)} assumptions hold." in lines
    [customer_id] = sandbox.sandbox.stamped_customers
    assert [line.split() for line in lines[-3:]] == [
        ["E-mail", "address", EMAIL],
        ["Stamped.io", "id", customer_id],
        ["Subscribed", "no"],
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (WRITE, "There is nobody to ask here: add --yes."),
        (("check", "--write", "--yes"), "--write needs --email"),
        (("check", "--write", "--yes", "--email", "zoe"), "must be a plain e-mail address"),
        ((*WRITE, "--yes", "--system", "9"), "connection-unknown"),
        (("check", "--email", EMAIL), "belong to --write"),
        (("check", "--yes"), "belong to --write"),
        (("check", "--json"), "belong to --write"),
        (("check", "--system", "4021"), "belong to --write"),
    ],
)
def test_wrong_usage_writes_nothing(
    arguments: tuple[str, ...], words: str, env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox
) -> None:
    """Code 2, and no call."""
    done = parts.console(env, tmp_path, *arguments)
    assert (done.returncode, done.stdout, sandbox.sandbox.calls) == (2, "", [])
    assert words in " ".join(done.stderr.split())


def test_an_address_that_somebody_has_is_refused(env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox) -> None:
    """The customers that the worker writes are real ones: code 2."""
    created = requests.post(
        f"{sandbox.url}/api/v2/270392/dashboard/customers/add",
        json={"email": EMAIL},
        auth=("sandbox-public", parts.PRIVATE_KEY),
        timeout=30,
    )
    assert created.ok
    before = sandbox.sandbox.stamped_customers
    done = parts.console(env, tmp_path, *WRITE, "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "whom this command has not made" in " ".join(done.stderr.split())
    assert sandbox.sandbox.stamped_customers == before


def test_refused_credentials_are_told_and_nothing_is_written(
    redis_url: str, tmp_path: Path, sandbox: RunningSandbox
) -> None:
    """With what to do: code 2."""
    path = tmp_path / "connections.toml"
    path.write_text(parts.connection(sandbox.url, private_key="wrong"), encoding="utf-8")
    done = parts.console(parts.environment(redis_url, path), tmp_path, *WRITE, "--yes")
    assert (done.returncode, done.stdout, sandbox.sandbox.stamped_customers) == (2, "", {})
    assert "stamped-credentials-refused" in done.stderr


def test_what_breaks_it_off_is_told_behind_what_was_found(
    env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox
) -> None:
    """The customer is named all the same: code 1."""
    sandbox.sandbox.add_fault(Fault(path=r"customers/\d+$", method="POST", cut="before"))
    done = parts.console(env, tmp_path, *WRITE, "--yes")
    assert done.returncode == 1
    assert "What has no reason beside it could not be shown because the trial was broken off before it." in done.stdout
    assert EMAIL in done.stdout
    assert "stamped-unreachable" in done.stderr


def test_its_calls_count_in_the_throttle(
    env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox, client: redis.Redis
) -> None:
    """No window of the store holds more calls than it allows, those of the workers included."""
    assert parts.console(env, tmp_path, *WRITE, "--yes").returncode == 0
    made = len([call for call in sandbox.sandbox.calls if call.api == "stamped"])
    assert client.zcard(f"stamped-sync:slots:stamped:{parts.SYSTEM}") == made


def test_without_redis_it_goes_on_without_the_throttle(env: dict[str, str], tmp_path: Path) -> None:
    """A store can be proved before there is a Redis."""
    done = parts.console(env | {"STAMPED_SYNC_REDIS_URL": "redis://127.0.0.1:9/0"}, tmp_path, *WRITE, "--yes")
    assert (done.returncode, done.stderr.count("Redis does not answer")) == (0, 1)
