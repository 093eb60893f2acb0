"""Manual Sync on the console, with a real Valkey, the sandbox and real workers."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from worker.jobs.job import Job, Kind, State
from worker.ledger import Ledger
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox

ID = "150713"


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation whose mapping unsubscribes everybody."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url, subscription=False))


@pytest.fixture
def worker(env: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """A real worker."""
    with parts.worker_process(env, tmp_path / "worker.log"):
        yield


def wanted(client: redis.Redis, *customer_ids: str) -> list[int]:
    """How often each customer was asked for."""
    jobs = [Job(Kind.CUSTOMER, parts.SYSTEM, customer_id) for customer_id in customer_ids]
    return [record.wanted if record else 0 for record in Ledger(client).records(jobs)]


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The JSON lines of a command."""
    return [json.loads(line) for line in done.stdout.splitlines()]


# Without a worker ----------------------------------------------------------------------------------------------------


def test_interrupting_a_wait_loses_nothing(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """Ctrl-C ends the command; the job stays in the ledger."""
    command = parts.console_command("sync", ID, "--wait")
    running = subprocess.Popen(command, env=env, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    parts.eventually(lambda: wanted(client, ID) == [1] and client.llen("customers"))
    running.send_signal(signal.SIGINT)
    _, words = running.communicate(timeout=parts.PATIENCE_SECONDS)
    assert running.returncode == 130
    assert "Nothing is lost" in words
    record = Ledger(client).record(Job(Kind.CUSTOMER, parts.SYSTEM, ID))
    assert record
    assert record.state is State.SENT


def test_a_reader_that_leaves_early_is_no_error(env: dict[str, str], tmp_path: Path) -> None:
    """`stamped-sync sync … --json | head -1` says nothing of a broken pipe."""
    command = parts.console_command("sync", "--json", "--file", "ids.txt")
    (tmp_path / "ids.txt").write_text("\n".join(map(str, range(1, 3001))), encoding="utf-8")
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0


# With a worker -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("worker")
def test_wait_prints_both_jobs_once_they_are_settled(env: dict[str, str], tmp_path: Path) -> None:
    """The customer's line comes before its subscription's, in the form that programs rely on."""
    done = parts.console(env, tmp_path, "sync", ID, "--wait", "--json")
    first, second = done.stdout.splitlines()
    assert first == (
        '{"system_id":4021,"customer_id":"150713","kind":"customer","state":"done","action":"created",'
        '"stamped_id":"143491","error":null}'
    )
    assert (json.loads(second)["kind"], json.loads(second)["action"]) == ("subscription", "unsubscribed")
    assert done.returncode == 0


@pytest.mark.usefixtures("worker")
def test_wait_ends_with_a_table_of_outcomes(env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path) -> None:
    """1,000 ids are counted by outcome and error, each error with its cause and resolution."""
    for number in range(1, 11):
        sandbox.sandbox.put_customer({"id": str(number), "email_address": f"customer{number}@example.com"})
    (tmp_path / "ids.txt").write_text("\n".join(map(str, range(1, 1001))), encoding="utf-8")
    done = parts.console(env, tmp_path, "sync", "--file", "ids.txt", "--wait")
    shown = " ".join(done.stdout.split())
    assert done.returncode == 1
    for words in ("1,000 customers", "customer created 10", "customer failed 990", "Resolution: Check the iPaaS.com"):
        assert words in shown


@pytest.mark.usefixtures("worker")
def test_a_failure_has_its_whole_entry_in_json(env: dict[str, str], tmp_path: Path) -> None:
    """A program sees what a person would."""
    done = parts.console(env, tmp_path, "sync", "9", "--wait", "--json")
    [line] = lines(done)
    assert (line["state"], done.returncode) == ("failed", 1)
    assert line["error"]["code"] == "customer-not-found"
    assert set(line["error"]) == {"code", "title", "message", "cause", "resolution", "http_status"}


def test_refused_credentials_are_a_fault_of_the_configuration(
    env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """The store is held; code 2 says that somebody has to change something."""
    sandbox.sandbox.add_fault(Fault(api="ipaas", status=401))
    with parts.worker_process(env | {"STAMPED_SYNC_HOLD_FIRST_SECONDS": "100"}, tmp_path / "worker.log"):
        done = parts.console(env, tmp_path, "sync", ID, "--wait")
    assert (done.returncode, "ipaas-credentials-refused" in done.stdout) == (2, True)


def test_a_long_rest_is_reported_as_waiting(env: dict[str, str], sandbox: RunningSandbox, tmp_path: Path) -> None:
    """A retry in more than a minute is told with its due time, and not waited for."""
    sandbox.sandbox.add_fault(Fault(api="ipaas", status=503, headers={"Retry-After": "600"}))
    with parts.worker_process(env, tmp_path / "worker.log"):
        done = parts.console(env, tmp_path, "sync", ID, "--wait", "--json")
    [line] = lines(done)
    assert (line["state"], line["error"]["code"], done.returncode) == ("waiting", "ipaas-read-failed", 1)
    assert line["due"]
