"""A list that changes while `stamped-sync initialize` reads it, a Redis that goes away meanwhile, and catch-ups."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
import redis

from tests import parts
from tests.acceptance.scene import Scene, person, scene
from worker.jobs.progress import Selection
from worker.jobs.routes import UPKEEP
from worker.local.ports import free_port
from worker.sandbox.server import Sandbox
from worker.sync.initialize import MOST_QUEUED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker.sandbox.messages import Answer, Request

COUNT = 3_000
DELETED = 60
WIDE = "throttle = { limit = 100000, seconds = 60, concurrent = 10 }"


class ChangingSandbox(Sandbox):
    """Deletes customers of the first page as soon as the third is asked for."""

    has_deleted = False

    def answer(self, request: Request) -> Answer:
        """Answer a call."""
        is_third = request.path.endswith("/Customers") and request.query.get("pageNumber") == "3"
        if is_third and not self.has_deleted:
            self.has_deleted = True
            for customer_id in list(self.customers)[:DELETED]:
                self.delete_customer(customer_id)
        return super().answer(request)


@pytest.fixture
def stage(redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    """A scene with a list that changes."""
    people = [person(str(number)) for number in range(1, COUNT + 1)]
    with scene(redis_url, tmp_path, ChangingSandbox(people)) as built:
        parts.write_connections(built.folder, built.url, more=WIDE)
        yield built


def test_customers_who_moved_up_while_the_list_was_read_arrive(stage: Scene) -> None:
    """Sixty of page 1 are deleted while page 3 is read: sixty others skip from page 3 to page 2."""
    with stage.running():
        done = stage.console("initialize", "--json")
        assert done.returncode == 0, done.stderr
        living = set(stage.sandbox.customers)
        stage.eventually(lambda: living <= set(stage.sandbox.links[parts.SYSTEM]))
    said = json.loads(done.stdout)
    assert len(living) == COUNT - DELETED
    assert (said["complete"], said["readings"], said["found_last"]) == (True, 3, 0)
    assert said["requested"] in {COUNT - DELETED, COUNT}


def test_what_the_last_reading_found_is_said(stage: Scene) -> None:
    """In the closing lines, for a person."""
    stage.sandbox.has_deleted = True  # type: ignore[attr-defined]
    for customer_id in list(stage.sandbox.customers)[300:]:
        stage.sandbox.delete_customer(customer_id)
    done = stage.console("initialize")
    assert (done.returncode, done.stderr) == (0, "")
    assert "300 customers requested. The list was read 2 times; the last reading found nobody new." in done.stdout


def test_list_that_ends_before_its_last_page_is_told(stage: Scene) -> None:
    """What was read is requested, and the exit code says that it may not be all."""
    stage.sandbox.has_deleted = True  # type: ignore[attr-defined]
    real = stage.sandbox.answer

    def answer(request: Request) -> Answer:
        answered = real(request)
        if request.path.endswith("/Customers"):
            is_beyond = int(request.query["pageNumber"]) > 7
            headers = {"x-pagination": '{"Current_Page":1,"TotalPages":9}'}
            return type(answered)([] if is_beyond else answered.value, headers=headers)
        return answered

    stage.sandbox.answer = answer  # type: ignore[method-assign]
    done = stage.console("initialize", "--limit", "2000")
    assert done.returncode == 1
    assert "700 customers requested." in done.stdout
    assert "iPaaS.com's list ended after page 7 of 9 announced." in done.stderr
    counted = stage.console("initialize", "--dry-run")
    assert (counted.returncode, "figures of one reading" in counted.stdout) == (1, True)
    assert "iPaaS.com's list ended after page 7 of 9 announced." in counted.stderr


# Redis goes away ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def server(folder: Path, port: int) -> Iterator[redis.Redis]:
    """A Redis that keeps its data over restarts."""
    options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", ""]
    with (
        parts.program(["redis-server", *options], None, folder / "redis-server.log"),
        redis.Redis(port=port, decode_responses=True) as client,
    ):
        parts.eventually(lambda: parts.answers(client))
        yield client


def test_redis_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    """With a note; then it goes on where it was, and nobody is left out."""
    port, people = free_port(), [person(str(number)) for number in range(1, COUNT + 1)]
    command = parts.console_command("initialize")
    with contextlib.ExitStack() as stack:
        with server(tmp_path, port) as client:
            built = stack.enter_context(scene(f"redis://127.0.0.1:{port}/0", tmp_path, Sandbox(people)))
            parts.write_connections(tmp_path, built.url, more=WIDE)
            log = stack.enter_context((tmp_path / "said.log").open("w+"))
            process = stack.enter_context(
                subprocess.Popen(command, env=built.env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log, text=True)
            )
            stack.callback(process.kill)
            built.eventually(lambda: built.ledger.backlog(parts.SYSTEM) > MOST_QUEUED)
        built.eventually(lambda: "Redis does not answer" in (tmp_path / "said.log").read_text(encoding="utf-8"))
        with server(tmp_path, port) as client, built.running():
            built.eventually(lambda: process.poll() is not None)
            assert process.returncode == 0
            assert client.ping()
            said = process.stdout.read() if process.stdout else ""
            built.eventually(lambda: len(built.sandbox.links[parts.SYSTEM]) == COUNT)
    assert f"{COUNT:,} customers requested" in said
    assert "tried again in" in (tmp_path / "said.log").read_text(encoding="utf-8")


# Catch-ups ------------------------------------------------------------------------------------------------------------


def test_catch_up_brings_customers_whose_trigger_never_came(stage: Scene) -> None:
    """Workers do it by themselves, a piece at a time; `status` shows how far."""
    for customer_id in list(stage.sandbox.customers)[200:]:
        stage.sandbox.delete_customer(customer_id)
    often = {"STAMPED_SYNC_CATCH_UP_HOURS": "0.000001"}
    with stage.worker(**often), stage.worker(**often):
        stage.eventually(lambda: call(stage) and len(stage.sandbox.links[parts.SYSTEM]) == 200)
    [shown] = json.loads(stage.console("status", "--json").stdout)["catch_ups"]
    assert (shown["system_id"], shown["state"], shown["last_requested"]) in {
        (parts.SYSTEM, "ended", 0),
        (parts.SYSTEM, "ended", 200),
        (parts.SYSTEM, "under way", 0),
        (parts.SYSTEM, "under way", 200),
    }
    assert "Catch-up" in stage.console("status").stdout
    assert "caught up, 200 customers without a link requested" in stage.log.read_text(encoding="utf-8")
    assert stage.ledger.progress.begin(parts.SYSTEM, Selection.UNLINKED).position == ""


def call(stage: Scene) -> bool:
    """What beat does every few minutes."""
    stage.celery.send_task("stamped.catch_up", queue=UPKEEP)
    return True


def test_interrupted_initialize_says_that_it_goes_on(stage: Scene) -> None:
    """On its way back too, without a traceback."""
    command = parts.console_command("initialize")
    with subprocess.Popen(command, env=stage.env, cwd=stage.folder, stderr=subprocess.PIPE, text=True) as process:
        stage.eventually(lambda: stage.ledger.backlog(parts.SYSTEM) > MOST_QUEUED)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=parts.PATIENCE_SECONDS)
    assert (process.returncode, "Traceback" in said) == (130, False)
