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
from tests.acceptance.scene import ID, PLENTY, ZOE, Scene, customer, named, person, scene, trigger
from worker.jobs.job import Kind, State
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

LETTERS = {"read": "r", "look up": "?", "create": "c", "link": "l", "update": "u"}
WHOLE_TRANSFERS = re.compile(r"(r\??cl|r\??u)+")
"""One transfer after the other, each from its read to its last write."""

LOAD, WITHOUT_EMAIL, UNKNOWN = 3_000, 20, 10
"""A Manual Sync's customers; how many of them have no e-mail address; how many ids no customer has."""
UPDATED = LOAD - WITHOUT_EMAIL - UNKNOWN


@pytest.fixture(scope="module")
def built(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene without a worker, whose store may get any number of calls."""
    with scene(valkey_url, tmp_path_factory.mktemp("concurrency"), Sandbox([ZOE])) as built:
        parts.write_connections(built.folder, built.url, more=PLENTY)
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
        stage.eventually(lambda: stage.sandbox.calls)
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
            stage.eventually(partial(has_calls, stage, 2 * len(jobs) * version))
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
        stage.eventually(lambda: stage.done(jobs) >= 10)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert stage.ledger.counts(Kind.CUSTOMER).running == 0
    assert stage.done(jobs) < len(jobs)
    with stage.worker():
        stage.eventually(lambda: stage.done(jobs) == len(jobs))
    assert transfers(stage) == {job.customer_id: "r?cl" for job in jobs}


def load(stage: Scene) -> None:
    """Ids of 3,000 customers in a file. All share one e-mail address and link: to update it costs two calls each."""
    transferred = customer()
    stage.request(transferred)
    stage.settled(transferred)
    linked = stage.sandbox.customers[ID]
    ids = [str(200_000 + number) for number in range(LOAD)]
    for customer_id in ids[UNKNOWN:]:
        stage.sandbox.put_customer(linked | {"id": customer_id})
    for customer_id in ids[UNKNOWN : UNKNOWN + WITHOUT_EMAIL]:
        stage.sandbox.patch_customer(customer_id, {"email_address": None})
    (stage.folder / "ids.txt").write_text("\n".join(ids), encoding="utf-8")
    stage.client.delete(*stage.client.scan_iter("stamped-sync:*"))


def test_interrupted_sync_of_3000_ids_loses_nothing_and_ends_with_a_table_when_given_again(stage: Scene) -> None:
    """SIGINT leaves every job where it is; the same command then waits for all of them and counts each outcome."""
    arguments = ("sync", "--file", "ids.txt", "--wait")
    with stage.running():
        load(stage)
        interrupted = subprocess.Popen(
            parts.console_command(*arguments), env=stage.env, cwd=stage.folder, stderr=subprocess.PIPE, text=True
        )
        stage.eventually(lambda: in_ledger(stage) == LOAD)
        interrupted.send_signal(signal.SIGINT)
        _, said = interrupted.communicate()
        assert (interrupted.returncode, in_ledger(stage)) == (130, LOAD)
        assert stage.ledger.counts(Kind.CUSTOMER).queued > 0
        again = stage.console(*arguments)
    assert "Nothing is lost" in said
    assert "Traceback" not in said
    assert customer_rows(again.stdout) == [("failed", UNKNOWN), ("failed", WITHOUT_EMAIL), ("updated", UPDATED)]
    assert all(code in again.stdout for code in ("email-missing", "customer-not-found", "Resolution:"))
    assert again.returncode == 1
    counts = stage.ledger.counts(Kind.CUSTOMER)
    assert (counts.done, counts.failed) == (UPDATED, WITHOUT_EMAIL + UNKNOWN)


def in_ledger(stage: Scene) -> int:
    """How many customer jobs there are."""
    counts = stage.ledger.counts(Kind.CUSTOMER)
    return counts.queued + counts.sent + counts.running + counts.waiting + counts.done + counts.failed


def customer_rows(table: str) -> list[tuple[str, int]]:
    """Outcome and count of each of the table's rows for customer jobs."""
    rows = [line.split() for line in table.splitlines() if line.startswith("customer ")]
    return sorted((outcome, int(count.replace(",", ""))) for _, outcome, count, *_ in rows)
