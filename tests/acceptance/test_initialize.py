"""`stamped-sync initialize` and `holds`, with real processes: what an integrator and an operator see."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.acceptance.scene import Scene, customer, person, scene
from tests.integration.jobs import CALLS
from worker.jobs.catalogue import Failure
from worker.jobs.progress import Selection
from worker.jobs.retries import Pause
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox
from worker.sync.initialize import AT_ONCE, MOST_QUEUED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.ledger import Ledger

COUNT = MOST_QUEUED + 2 * AT_ONCE
"""More than may wait for their turn, so that an initialize without a worker has to wait."""
LINKED = "7"
"""The one customer that is linked already."""
WIDE = "throttle = { limit = 100000, seconds = 60, concurrent = 10 }"
GOES_ON = "Run the same again and it goes on where it stopped."


@pytest.fixture(scope="module")
def started(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene with many customers and no worker."""
    linked = {"external_ids": [{"system_id": parts.SYSTEM, "external_id": "1"}]}
    people = [person(str(number)) for number in range(1, COUNT + 1)]
    people[int(LINKED) - 1] |= linked
    people[0]["email_address"] = None
    with scene(valkey_url, tmp_path_factory.mktemp("initialize"), Sandbox(people)) as built:
        parts.write_connections(built.folder, built.url, more=WIDE)
        yield built


@pytest.fixture
def stage(started: Scene) -> Scene:
    """The scene with an empty ledger."""
    started.clear()
    return started


def backlog(stage: Scene) -> int:
    """How many jobs wait for their turn."""
    return stage.ledger.backlog(parts.SYSTEM)


def interrupted(stage: Scene, how: signal.Signals) -> tuple[int, str]:
    """Run an initialize without a worker, and end it as soon as it has to wait: its exit code, and what it said."""
    command = parts.console_command("initialize")
    with subprocess.Popen(command, env=stage.env, cwd=stage.folder, stderr=subprocess.PIPE, text=True) as process:
        stage.eventually(lambda: backlog(stage) > MOST_QUEUED)
        process.send_signal(how)
        _, said = process.communicate(timeout=parts.PATIENCE_SECONDS)
    return process.returncode, said


def requested_in_all(said: str) -> int:
    """How many customers an initialize requested, with those whose job the killed one had recorded and not noted."""
    counts = re.match(r"([\d,]+) customers requested\.(?: ([\d,]+) more already had a job\.)?", said)
    assert counts, said
    return sum(int(count.replace(",", "")) for count in counts.groups(default="0"))


def test_killed_initialize_goes_on_where_it_stopped(stage: Scene) -> None:
    """A bounded number waits; after a SIGKILL the same command brings the others, and each ends up linked once."""
    code, _ = interrupted(stage, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert backlog(stage) <= MOST_QUEUED + AT_ONCE
    with stage.running():
        done = stage.console("initialize")
        assert done.returncode == 0, done.stderr
        stage.eventually(lambda: len(stage.sandbox.links[parts.SYSTEM]) == COUNT - 1)
        stage.eventually(lambda: stage.settled(customer("1")).failure)
    assert "Going on behind 2," in done.stderr  # 2,000 where it was killed before it had noted the last part
    assert requested_in_all(done.stdout) == COUNT
    emails = [each["email"] for each in stage.sandbox.stamped_customers.values()]
    assert len(set(emails)) == len(emails) == COUNT - 1


def test_ctrl_c_says_that_it_goes_on(stage: Scene) -> None:
    """With exit code 130 and no traceback."""
    code, said = interrupted(stage, signal.SIGINT)
    assert (code, "Traceback" in said) == (130, False)
    assert GOES_ON in " ".join(said.split())
    assert backlog(stage) > MOST_QUEUED


def test_limit_and_json(stage: Scene) -> None:
    """Each run adds its customers, until none are left; then the next begins anew and says when the last ended."""
    runs = [json.loads(stage.console("initialize", "--limit", "150", "--json").stdout) for _ in range(2)]
    assert [(each["state"], each["requested"]) for each in runs] == [("stopped", 150), ("stopped", 300)]
    progress = stage.ledger.progress.begin(parts.SYSTEM, Selection.ALL)
    stage.ledger.progress.advance(progress, ended=True)
    again = stage.console("initialize", "--limit", "1")
    assert "The last initialize of these customers ended" in again.stderr
    assert "1 customer requested so far." in again.stdout


def test_restart_begins_anew(stage: Scene) -> None:
    """Whatever was done before."""
    stage.console("initialize", "--limit", "150")
    again = json.loads(stage.console("initialize", "--limit", "1", "--restart", "--json").stdout)
    assert again["requested"] == 1


@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ([], {"pages": 30, "customers": COUNT, "linked": 1, "unlinked": COUNT - 1, "without_email": 1}),
        (["--unlinked"], {"pages": 1, "customers": COUNT - 1, "linked": 0, "unlinked": COUNT - 1}),
        (["--limit", "10"], {"pages": 1, "customers": 10, "linked": 1, "unlinked": 9, "without_email": 1}),
    ],
    ids=["all", "unlinked", "limit"],
)
def test_dry_run_counts_and_writes_nothing(stage: Scene, options: list[str], facts: dict[str, int]) -> None:
    """What the list shows; the ledger stays empty."""
    done = stage.console("initialize", "--dry-run", "--json", *options)
    counted = json.loads(done.stdout)
    assert {name: counted[name] for name in facts} == facts
    assert stage.client.keys("stamped-sync:*") == []
    assert f"{facts['customers']:,}" in stage.console("initialize", "--dry-run", *options).stdout


def test_list_that_cannot_be_read_is_told(stage: Scene) -> None:
    """In the catalogue's words, and that the same command goes on."""
    stage.sandbox.add_fault(Fault(api="ipaas", status=401))
    done = stage.console("initialize")
    said = " ".join(done.stderr.split())
    assert [each for each in ("ipaas-credentials-refused", "Resolution:", GOES_ON) if each not in said] == []
    assert (done.returncode, "Traceback" in said) == (2, False)


@pytest.mark.parametrize(
    "fault",
    [Fault(api="ipaas", status=404, times=2), Fault(api="ipaas", shape="html", times=2)],
    ids=["404", "a web page"],
)
def test_list_that_cannot_be_read_for_a_moment_is_waited_for(stage: Scene, fault: Fault) -> None:
    """It is said why, and for how long."""
    stage.sandbox.add_fault(fault)
    done = stage.console("initialize", "--limit", "150")
    assert (done.returncode, "150 customers requested" in done.stdout) == (0, True)
    assert done.stderr.count("tried again in") == 2


def test_page_that_repeats_itself_is_told(stage: Scene) -> None:
    """It takes the place of those that are announced."""
    headers = {"X-Pagination": '{"current_Page":1,"total_Pages":1000000}'}
    stage.sandbox.add_fault(Fault(api="ipaas", path="Customers$", status=200, body=[{"id": "1"}], headers=headers))
    done = stage.console("initialize")
    assert (done.returncode, "1 customer requested." in done.stdout) == (1, True)
    assert "iPaaS.com's list ended after page 1 of 1,000,000 announced." in done.stderr


def test_entries_without_an_id_are_counted_and_told(stage: Scene) -> None:
    """They are passed over, the others are requested, and the exit code says that something is amiss."""
    entries = [{"id": "1"}, {"id": "zoe"}]
    stage.sandbox.add_fault(Fault(api="ipaas", path="Customers$", status=200, body=entries, times=1))
    stage.sandbox.add_fault(Fault(api="ipaas", path="Customers$", status=200, body=[]))
    done = stage.console("initialize")
    assert (done.returncode, "1 customer requested" in done.stdout) == (1, True)
    assert "1 entry of the list had no iPaaS.com Customer ID" in done.stderr


# Holds ----------------------------------------------------------------------------------------------------------------


def hold(ledger: Ledger) -> None:
    """Hold the connection for an hour, because of refused credentials."""
    ledger.request(customer())
    failure = Failure("stamped-credentials-refused", 401)
    ledger.hold(ledger.claim(customer()), CALLS, failure, Pause(3600, 3600))


def test_holds_are_listed_with_what_to_do(stage: Scene) -> None:
    """System, since, until, reason and resolution."""
    hold(stage.ledger)
    said = " ".join(stage.console("holds", "list").stdout.split())
    expected = (r"\b4021\b", r"\b[1-5]\d min\b", "stamped-credentials-refused", "Put valid keys")
    assert [each for each in expected if not re.search(each, said)] == []
    shown: dict[str, Any] = json.loads(stage.console("holds", "list", "--json").stdout)
    assert (shown["system_id"], shown["error"]["code"]) == (4021, "stamped-credentials-refused")
    assert shown["since"] < shown["until"]


def test_hold_can_be_released_once(stage: Scene) -> None:
    """Then there is none, which the second release says."""
    hold(stage.ledger)
    assert stage.console("holds", "release", "4021").returncode == 0
    again = stage.console("holds", "release", "4021")
    assert (again.returncode, "is not held" in again.stderr) == (1, True)
    assert stage.console("holds", "list").stdout == "No connection is held.\n"
