"""`stamped-sync check --write` at a terminal, interrupted, and waiting for what a list may show later."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.jobs import calls_of
from worker.contract.assumptions import ASSUMPTIONS
from worker.jobs.catalogue import Failure
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind
from worker.jobs.retries import Pause
from worker.ledger import Ledger, Limit, StoreLimits
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    import redis

    from worker.sandbox.server import RunningSandbox

EMAIL = "test@example.com"
WRITE = ("check", "--write", "--email", EMAIL)


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation that the sandbox answers."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url))


@pytest.mark.parametrize("said", ["y", "n", ""])
def test_it_asks_before_it_writes(said: str, env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox) -> None:
    """With what will be written, and where."""
    mine, theirs = pty.openpty()
    command = parts.console_command(*WRITE)
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs) as asks:
        asked = os.read(mine, 1024)
        while b"[y/N]" not in asked:
            asked += os.read(mine, 1024)
        assert {call.method for call in sandbox.sandbox.calls} == {"GET"}
        os.write(mine, f"{said}\n".encode())
        assert asks.wait(parts.PATIENCE_SECONDS) == (0 if said == "y" else 1)
    for words in (EMAIL, "store 270392", "4021 Sandbox 4021", "no call to delete it"):
        assert words in " ".join(asked.decode().split())
    assert bool(sandbox.sandbox.stamped_customers) == (said == "y")
    os.close(mine)
    os.close(theirs)


@pytest.mark.parametrize("path", ["survey/subscribe", "customers/add"])
@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP, signal.SIGHUP)])
def test_interruption_leaves_the_customer_unsubscribed(
    path: str, numbers: tuple[signal.Signals, ...], env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox
) -> None:
    """Whenever it comes; it says that the customer may be there. A terminal that is closed says so twice."""
    sandbox.sandbox.add_fault(Fault(path=path, times=1, delay_seconds=1))
    command = parts.console_command(*WRITE, "--yes")
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        parts.eventually(lambda: any(path in call.path for call in sandbox.sandbox.calls))
        for number in numbers:
            running.send_signal(number)
            time.sleep(0.05)
        _, words = running.communicate(timeout=parts.PATIENCE_SECONDS)
    assert running.returncode == 128 + numbers[0]
    assert f"{EMAIL} may be in Stamped.io now" in words.decode()
    [customer] = sandbox.sandbox.stamped_customers.values()
    assert customer["isSubscribed"] is False


def test_what_does_not_hold_is_shown_with_its_place(
    env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox
) -> None:
    """What was seen, and the line to correct; what could not be shown, and why: code 1."""
    sandbox.sandbox.deviate("survey-by-customer-email")
    sandbox.sandbox.add_fault(Fault(path="customers/0$", status=503, body=""))
    done = parts.console(env, tmp_path, *WRITE, "--yes")
    assert done.returncode == 1
    place = next(each.place for each in ASSUMPTIONS if each.key == "survey.subscribe")
    shown = done.stdout
    assert "✗ `survey/subscribe` takes `email`, and subscribes: does not hold\n" in shown
    assert "    Seen: it is answered HTTP 400 with {message: text}; with `customerEmail` it is accepted\n" in shown
    assert f"    Correct it at {place}\n" in shown
    assert "— A read of a customer that does not exist answers 404" in shown
    assert "    Because: it is answered HTTP 503 with no body\n" in shown
    assert "19 of 23 assumptions hold, 2 do not hold, 2 could not be shown." in shown


def test_a_program_reads_an_object_a_line(env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox) -> None:
    """One for each assumption, and one for the test customer."""
    sandbox.sandbox.deviate("page-from-zero")
    done = parts.console(env, tmp_path, *WRITE, "--yes", "--json")
    *findings, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [each["assumption"] for each in findings] == [each.key for each in ASSUMPTIONS]
    [failed] = [each for each in findings if each["verdict"] == "does not hold"]
    assert failed == {
        "system_id": parts.SYSTEM,
        "assumption": "page.first",
        "says": "`page` counts from 1",
        "verdict": "does not hold",
        "seen": "page 0 shows the customer, and page 1 does not",
        "place": next(each.place for each in ASSUMPTIONS if each.key == "page.first"),
    }
    [customer_id] = sandbox.sandbox.stamped_customers
    assert last == {
        "system_id": parts.SYSTEM,
        "test_customer": {"email": EMAIL, "stamped_ids": [customer_id], "is_subscribed": False},
    }


@pytest.mark.parametrize("api", ["stamped", "ipaas"])
def test_a_store_that_is_held_gets_no_calls(
    api: str, env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox, client: redis.Redis
) -> None:
    """It says until when, and why: code 1. The hold of iPaaS.com is no reason, however little the throttle leaves."""
    path = Path(env["STAMPED_SYNC_CONNECTIONS"])
    path.write_text(f"{path.read_text('utf-8')}\nthrottle = {{ limit = 10, seconds = 1 }}\n", encoding="utf-8")
    ledger = Ledger(client, stores={parts.SYSTEM: StoreLimits(stamped=Limit(500, 60))})
    job = Job(Kind.CUSTOMER, parts.SYSTEM, "150713")
    ledger.request(job)
    failure = Failure("customer-write-failed" if api == "stamped" else "ipaas-calls-limited", 429)
    calls = calls_of(0, 1, Intent.STORES) if api == "stamped" else calls_of(1, 0, Intent.STORES)
    ledger.hold(ledger.claim(job), calls, failure, Pause(600, 600))
    done = parts.console(env, tmp_path, *WRITE, "--yes")
    if api == "ipaas":
        assert (done.returncode, done.stderr) == (0, "")
        return
    assert (done.returncode, sandbox.sandbox.calls) == (1, [])
    assert "(customer-write-failed)" in " ".join(done.stderr.split())
    assert "stamped-sync holds" in done.stderr
