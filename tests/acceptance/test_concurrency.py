"""Many jobs, many messages, several workers, and interruptions: nothing is lost, and nothing runs twice at once."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.acceptance.scene import ID, ZOE, Scene, customer, named, person, scene, trigger
from worker.job import Kind
from worker.ledger import State
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

LETTERS = {"read": "r", "look up": "?", "create": "c", "link": "l", "update": "u"}
WHOLE_TRANSFERS = re.compile(r"(r\??cl|r\??u)+")
"""One transfer after the other, each from its read to its last write."""

LOAD, WITHOUT_EMAIL, UNKNOWN = 3_000, 2_400, 100
"""A Manual Sync's customers; how many of them have no e-mail address; how many ids no customer has."""
TRANSFERRED = LOAD - WITHOUT_EMAIL - UNKNOWN


@pytest.fixture(scope="module")
def built(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene without a worker."""
    with scene(valkey_url, tmp_path_factory.mktemp("concurrency"), Sandbox([ZOE])) as built:
        yield built


@pytest.fixture
def stage(built: Scene) -> Scene:
    """The scene with nothing on it but the customer 150713."""
    built.clear()
    return built


def transfers(stage: Scene) -> dict[str, str]:
    """The calls for each customer in the order in which they came, a letter for each."""
    owners = {stamped_id: customer_id for customer_id, stamped_id in stage.sandbox.links[parts.SYSTEM].items()}
    made: defaultdict[str, str] = defaultdict(str)
    for call in stage.sandbox.calls:
        called = call.customer_id or ""
        made[owners[called] if call.api == "stamped" else called] += LETTERS[named(call)]
    return made


def test_burst_of_triggers_for_one_customer_makes_at_most_two_transfers(stage: Scene) -> None:
    """50 triggers while the worker runs and the API is slow; the last of them is served too."""
    stage.sandbox.add_fault(Fault(delay_seconds=0.5))
    with stage.worker():
        stage.submit(trigger())
        parts.eventually(lambda: stage.sandbox.calls)
        stage.submit(*[trigger()] * 49)
        record = stage.settled(customer(), 50)
    assert (record.state, record.settled) == (State.DONE, 50)
    assert transfers(stage) == {ID: "r?clru"}


def test_two_workers_never_run_one_customer_at_once(stage: Scene) -> None:
    """Each message comes many times, to two workers of four threads; a transfer begins when the last one has ended."""
    jobs = [customer(str(number)) for number in range(1, 7)]
    for job in jobs:
        stage.sandbox.put_customer(person(job.customer_id))
    stage.sandbox.add_fault(Fault(delay_seconds=0.1))
    with stage.worker("--hostname=first"), stage.worker("--hostname=second"):
        for version in range(1, 4):
            stage.request(*jobs)
            stage.publish(*jobs * 5)
            parts.eventually(partial(has_calls, stage, 2 * len(jobs) * version))
            stage.request(*jobs)
            stage.publish(*jobs * 5)
        assert {stage.settled(job, 6).state for job in jobs} == {State.DONE}
    made = transfers(stage)
    assert set(made) == {job.customer_id for job in jobs}
    assert [calls for calls in made.values() if not WHOLE_TRANSFERS.fullmatch(calls)] == []
    log = stage.log.read_text(encoding="utf-8")
    assert "first ready" in log
    assert "second ready" in log


def has_calls(stage: Scene, count: int) -> bool:
    """Whether so many calls were made."""
    return len(stage.sandbox.calls) >= count


def test_worker_that_is_stopped_under_load_loses_and_repeats_nothing(stage: Scene) -> None:
    """SIGTERM: running jobs are finished, the others are left to the next worker, and no finished job runs again."""
    jobs = [customer(str(number)) for number in range(1, 61)]
    for job in jobs:
        stage.sandbox.put_customer(person(job.customer_id))
    stage.sandbox.add_fault(Fault(delay_seconds=0.05))
    stage.request(*jobs)
    with stage.worker() as worker:
        parts.eventually(lambda: stage.done(jobs) >= 10)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert stage.ledger.counts(Kind.CUSTOMER).running == 0
    assert stage.done(jobs) < len(jobs)
    with stage.worker():
        parts.eventually(lambda: stage.done(jobs) == len(jobs))
    assert transfers(stage) == {job.customer_id: "r?cl" for job in jobs}


def load(stage: Scene) -> None:
    """Ids of 3,000 customers in a file. Most have no e-mail address, which costs no more than a read."""
    ids = [str(200_000 + number) for number in range(LOAD)]
    for customer_id in ids[UNKNOWN : UNKNOWN + WITHOUT_EMAIL]:
        stage.sandbox.put_customer(person(customer_id, email_address=None))
    for customer_id in ids[UNKNOWN + WITHOUT_EMAIL :]:
        stage.sandbox.put_customer(person(customer_id))
    (stage.folder / "ids.txt").write_text("\n".join(ids), encoding="utf-8")


def test_interrupted_sync_of_3000_ids_loses_nothing(stage: Scene) -> None:
    """SIGINT ends `sync --file --wait` with code 130; all jobs settle all the same."""
    load(stage)
    command = parts.console_command("sync", "--file", "ids.txt", "--wait")
    with stage.running(STAMPED_SYNC_CONCURRENCY="20"):
        sync = subprocess.Popen(command, env=stage.env, cwd=stage.folder, stderr=subprocess.PIPE, text=True)
        parts.eventually(lambda: len(list(stage.client.scan_iter("stamped-sync:job:*", count=1000))) == LOAD)
        assert settled(stage) < LOAD
        sync.send_signal(signal.SIGINT)
        _, said = sync.communicate()
        parts.eventually(lambda: settled(stage) == LOAD)
    counts = stage.ledger.counts(Kind.CUSTOMER)
    assert (counts.done, counts.failed) == (TRANSFERRED, WITHOUT_EMAIL + UNKNOWN)
    assert sync.returncode == 130
    assert "Nothing is lost" in said
    assert "Traceback" not in said


def settled(stage: Scene) -> int:
    """How many customer jobs have ended."""
    counts = stage.ledger.counts(Kind.CUSTOMER)
    return counts.done + counts.failed


def test_sync_of_3000_ids_ends_with_a_table_of_outcomes_by_code(stage: Scene) -> None:
    """Each outcome is counted; each error shows its cause and what to do."""
    load(stage)
    with stage.worker(STAMPED_SYNC_CONCURRENCY="20"):
        done = stage.console("sync", "--file", "ids.txt", "--wait")
    lines = [line.split() for line in done.stdout.splitlines()]
    outcomes = {(words[0], words[1], words[2].replace(",", "")) for words in lines if words[:1] == ["customer"]}
    assert outcomes == {
        ("customer", "created", str(TRANSFERRED)),
        ("customer", "failed", str(WITHOUT_EMAIL)),
        ("customer", "failed", str(UNKNOWN)),
    }
    assert all(code in done.stdout for code in ("email-missing", "customer-not-found", "Resolution:"))
    assert done.returncode == 1
    assert len(stage.sandbox.links[parts.SYSTEM]) == TRANSFERRED
