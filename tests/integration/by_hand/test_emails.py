"""E-mail addresses in place of ids, with real parts: in `sync` and `preview`, under throttle and hold."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.jobs import calls_of
from tests.integration.stage import EMAIL, ID, NOWHERE, Stage
from worker.app import app
from worker.by_hand.emails import LookUp
from worker.by_hand.waiting import NobodyWaits
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.errors import AnswerUnreadable, ConnectionHeld, ThrottleUsedUp
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind
from worker.jobs.retries import Pause
from worker.ledger import Ledger, Limit, StoreLimits
from worker.presentation.ids import MOST_EMAILS, Email, LookedUp
from worker.sandbox.faults import Fault
from worker.telemetry.logs import calls as call_log

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox

OTHER = Job(Kind.CUSTOMER, parts.SYSTEM, "1")
REFUSED = Failure("ipaas-credentials-refused", 401)
ZOE = Email(EMAIL, "line 1")


def look_up(*emails: str) -> LookUp:
    """A look-up on the stage."""
    given = [Email(each, f"line {number}") for number, each in enumerate(emails or [EMAIL], start=1)]
    return LookUp(app.runtime, parts.SYSTEM, given)


def limit(stage: Stage, ipaas: int) -> Ledger:
    """The stage's ledger, which lets iPaaS.com be called so often in a minute."""
    ledger = Ledger(stage.client, stores={parts.SYSTEM: StoreLimits(ipaas=Limit(ipaas, 60))})
    stage.patch.setattr(app.runtime.ledger, "book", ledger.book)
    stage.patch.setattr(app.runtime.ledger, "next_slot", ledger.next_slot)
    return ledger


def test_address_of_one_customer_is_its_id(stage: Stage) -> None:
    """One call for each address."""
    assert look_up().run() == LookedUp({ZOE: ID}, [])
    assert [call.path for call in stage.sandbox.calls] == ["/customers/v2/Customers"]


def test_all_faults_are_told_at_once(stage: Stage) -> None:
    """Each with the place of its address, what was found and what to do, and without the address."""
    for number in range(1, 13):
        stage.sandbox.put_customer({"id": str(number), "email_address": "twelve@example.com"})
    stage.sandbox.put_customer({"id": "20", "email_address": "two@example.com"})
    stage.sandbox.put_customer({"id": "21", "email_address": "TWO@example.com"})
    found = look_up("nobody@example.com", "two@example.com", EMAIL, "twelve@example.com").run()
    assert list(found.ids.values()) == [ID]
    last = "12 customers in iPaaS.com have this e-mail address: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and others."
    assert found.faults == [
        "line 1: no customer in iPaaS.com has this e-mail address: correct it, or give the iPaaS.com Customer ID.",
        "line 2: 2 customers in iPaaS.com have this e-mail address: 20, 21. Give the id of the one that is meant.",
        f"line 4: {last} Give the id of the one that is meant.",
    ]


def test_customer_of_a_list_that_goes_on_is_not_the_only_one(stage: Stage) -> None:
    """The others are on further pages."""
    stage.sandbox.put_customer({"id": "9", "email_address": EMAIL})
    stage.patch.setattr(stage.sandbox._source, "page_size", 1)  # noqa: SLF001 - no control sets it
    [fault] = look_up().run().faults
    assert f"Several customers in iPaaS.com have this e-mail address: {ID} and others. Give the id" in fault


def test_address_that_ipaas_refuses_is_a_fault_of_its_own(stage: Stage) -> None:
    """The others are looked up all the same; what iPaaS.com repeats is masked."""
    body = {"code": "VALD-1004", "message": f"{EMAIL} is not valid"}
    stage.sandbox.add_fault(Fault(path="Customers$", status=400, body=body, times=1))
    found = look_up(EMAIL, "nobody@example.com").run()
    assert [each.partition(":")[0] for each in found.faults] == ["line 1", "line 2"]
    assert "VALD-1004" in found.faults[0]
    assert "Give the iPaaS.com Customer ID instead." in found.faults[0]
    assert "zoe" not in found.faults[0]


def test_api_that_does_not_search_is_not_believed(stage: Stage) -> None:
    """It answers with everybody, as it would to a parameter that it does not know."""
    stage.sandbox.put_customer({"id": "9", "email_address": "max@example.com"})
    stage.patch.setattr("worker.sandbox.ipaas.Source.with_email", lambda source, _: list(source.customers.values()))
    with pytest.raises(AnswerUnreadable, match="customers who have another address"):
        look_up().run()


def test_trouble_of_all_ends_the_look_up(stage: Stage) -> None:
    """It would meet the next address too."""
    stage.refuse(503, path="Customers$")
    running = look_up(EMAIL, "nobody@example.com")
    with pytest.raises(Exception, match="ipaas-read-failed"):
        running.run()
    assert (len(stage.sandbox.calls), running.done) == (1, 0)


def test_look_up_takes_slots_of_the_throttle(stage: Stage) -> None:
    """Like everything else that calls this API."""
    stage.patch.setattr("worker.by_hand.emails.PATIENCE_SECONDS", 0.3)
    limit(stage, 2)
    running = look_up(*(f"{number}@example.com" for number in range(3)))
    with pytest.raises(ThrottleUsedUp, match=r"iPaaS\.com: the next call is free in"):
        running.run()
    assert (len(stage.sandbox.calls), running.done) == (2, 2)


def test_held_api_is_not_called(stage: Stage) -> None:
    """It is said until when, and why."""
    stage.ledger.request(OTHER)
    stage.ledger.hold(stage.ledger.claim(OTHER), calls_of(1, 0, Intent.STORES), REFUSED, Pause(3600, 3600))
    with pytest.raises(ConnectionHeld, match="ipaas-credentials-refused"):
        look_up().run()
    assert stage.sandbox.calls == []


def test_stopped_look_up_makes_no_further_call(stage: Stage) -> None:
    """Whether it would call, or waits for a slot."""
    limit(stage, 1)
    waiting = look_up("a@example.com", "b@example.com")
    timer = threading.Timer(0.2, waiting.stop)
    timer.start()
    for _ in range(2):
        with pytest.raises(NobodyWaits):
            waiting.run()
    assert len(stage.sandbox.calls) == 1


def test_nothing_that_is_logged_has_the_address(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where each call is logged."""
    caplog.set_level(logging.DEBUG, "worker")
    caplog.set_level(logging.DEBUG, call_log.name)
    look_up(EMAIL, "nobody@example.com").run()
    assert "GET customers/v2/Customers: 200" in caplog.text
    assert not any("@" in each.getMessage() or "%40" in each.getMessage() for each in caplog.records)
    assert stage.sandbox.calls


# On the console -------------------------------------------------------------------------------------------------------


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url))


def requested(client: redis.Redis) -> list[str]:
    """The customers whose jobs the ledger holds."""
    jobs = [Job(Kind.CUSTOMER, parts.SYSTEM, each) for each in (ID, "1", "2", "20", "21")]
    return [job.customer_id for job, record in zip(jobs, Ledger(client).records(jobs), strict=True) if record]


def assert_no_address_in(client: redis.Redis, done: subprocess.CompletedProcess[str]) -> None:
    """Neither Redis nor what the command printed has one."""
    held = "".join(f"{key}{client.dump(key)!r}" for key in client.scan_iter())
    for text in (held, done.stdout, done.stderr):
        assert "example.com" not in text.replace("%40", "@")


def test_sync_takes_addresses_among_ids(
    env: dict[str, str], tmp_path: Path, client: redis.Redis, sandbox: RunningSandbox
) -> None:
    """From arguments, a list and a column; each customer once, however it is named."""
    sandbox.sandbox.put_customer({"id": "2", "email_address": "max+news@example.com"})
    (tmp_path / "a.txt").write_text(f"1 {EMAIL.upper()}", encoding="utf-8")
    (tmp_path / "b.csv").write_text(f"name;id\nMax;max+news@example.com\nZoë;{ID}", encoding="utf-8")
    done = parts.console(env, tmp_path, "sync", EMAIL, "-f", "a.txt", "-f", "b.csv")
    assert (done.returncode, requested(client)) == (0, [ID, "1", "2"])
    assert done.stdout.startswith("3 customers requested.")
    assert done.stderr == "2 duplicates dropped.\n"
    assert_no_address_in(client, done)


def test_sync_says_nothing_of_duplicates_that_there_are_not(env: dict[str, str], tmp_path: Path) -> None:
    """Nor of an address that was found."""
    assert parts.console(env, tmp_path, "sync", text=f"{EMAIL}\n1").stderr == ""


def test_sync_requests_nobody_if_one_is_not_found(
    env: dict[str, str], tmp_path: Path, client: redis.Redis, sandbox: RunningSandbox
) -> None:
    """All faults are told at once: those of the list, and those of the look-up."""
    for each in ("20", "21"):
        sandbox.sandbox.put_customer({"id": each, "email_address": "two@example.com"})
    lines = f"{ID}\nnobody@example.com\n{EMAIL}, two@example.com\nabc\n"
    done = parts.console(env, tmp_path, "sync", text=lines)
    assert (done.returncode, requested(client)) == (2, [])
    for said in (
        "standard input, line 2: no customer in iPaaS.com has this e-mail address",
        "standard input, line 3, entry 2: 2 customers in iPaaS.com have this e-mail address: 20, 21.",
        "standard input, line 4: 'abc' is not a whole number",
        "3 faults found; nothing was requested",
    ):
        assert said in done.stderr
    assert_no_address_in(client, done)


def test_sync_tells_what_is_wrong_with_addresses_alone(
    env: dict[str, str], tmp_path: Path, client: redis.Redis
) -> None:
    """Without what ids look like: they are not the matter."""
    done = parts.console(env, tmp_path, "sync", "nobody@example.com")
    assert (done.returncode, requested(client)) == (2, [])
    told, ending = done.stderr.splitlines()
    assert told.startswith("✗ argument 1: no customer in iPaaS.com has this e-mail address: correct it, or give")
    assert ending == "Error: 1 fault found; nothing was requested."


def test_sync_tells_that_ipaas_refuses_the_key(
    env: dict[str, str], tmp_path: Path, client: redis.Redis, sandbox: RunningSandbox
) -> None:
    """With the catalogue's cause and resolution."""
    sandbox.sandbox.add_fault(Fault(path="Customers$", status=401, body={"message": f"{EMAIL}: no"}))
    done = parts.console(env, tmp_path, "sync", ID, EMAIL)
    assert (done.returncode, requested(client)) == (2, [])
    assert CATALOGUE["ipaas-credentials-refused"].title in done.stderr
    assert_no_address_in(client, done)


def test_sync_looks_up_no_more_than_it_can(
    env: dict[str, str], tmp_path: Path, client: redis.Redis, sandbox: RunningSandbox
) -> None:
    """It says so before the first call."""
    lines = "\n".join(f"{number}@example.com" for number in range(MOST_EMAILS + 1))
    done = parts.console(env, tmp_path, "sync", text=lines)
    assert (done.returncode, requested(client), sandbox.sandbox.calls) == (2, [], [])
    assert "101 e-mail addresses are more than the 100 that are looked up at once" in done.stderr


def test_sync_of_ids_alone_calls_nobody(env: dict[str, str], tmp_path: Path, sandbox: RunningSandbox) -> None:
    """As ever."""
    assert parts.console(env, tmp_path, "sync", ID).returncode == 0
    assert sandbox.sandbox.calls == []


def test_preview_takes_an_address(env: dict[str, str], tmp_path: Path) -> None:
    """Without Redis too."""
    done = parts.console(env | {"STAMPED_SYNC_REDIS_URL": NOWHERE}, tmp_path, "preview", EMAIL, "--json")
    assert (done.returncode, json.loads(done.stdout)["customer_id"], done.stderr) == (0, ID, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nobody@example.com", "argument 1: no customer in iPaaS.com has this e-mail address"),
        ("two@@example.com", "argument 1: looks like an e-mail address, but is none: character 4 of it is U+0040"),
    ],
)
def test_preview_tells_what_is_wrong_with_an_address(env: dict[str, str], tmp_path: Path, text: str, said: str) -> None:
    """And does not repeat it."""
    done = parts.console(env, tmp_path, "preview", text)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "example.com" not in done.stderr
