"""What Redis refuses shows as what it is on the pages and on the command line; a fault of a script is told as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks import transfer_customer
from tests import parts
from tests.integration.html import text_of
from tests.integration.monitor_stage import serving
from tests.integration.stage import ID, JOB, Stage, run
from tests.proofs.processes import SERVERS, Server
from tests.proofs.troubles import TROUBLES, Trouble
from worker.config.settings import Settings
from worker.ledger import LedgerUnavailable, ScriptFailed
from worker.ledger.connection import Outage
from worker.local.machine import redis_answers
from worker.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFUSING = [each for each in TROUBLES if each.words and each.name != "a restart"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the test's own, which it may trouble."""
    with Server(SERVERS[-1], tmp_path_factory.mktemp("refusing")).running() as running:
        yield running


@pytest.mark.parametrize("trouble", REFUSING, ids=lambda trouble: trouble.name)
def test_command_line_says_what_redis_does(server: Server, trouble: Trouble, tmp_path: Path) -> None:
    """Where it is, what it does and what to do; code 2."""
    env = parts.environment(server.url, parts.write_connections(tmp_path, "http://127.0.0.1:1"))
    with trouble.bring(server, 0):
        done = parts.console(env, tmp_path, "sync", ID)
    assert done.returncode == 2
    assert done.stderr.startswith(f"✗ Redis refuses at {server.url}: it {trouble.words}")
    assert "correct the user" not in done.stderr


@pytest.mark.parametrize("trouble", REFUSING, ids=lambda trouble: trouble.name)
def test_up_uses_a_redis_that_is_in_trouble(server: Server, trouble: Trouble) -> None:
    """Its worker waits for the end; only where nothing answers is a Valkey embedded."""
    with trouble.bring(server, 0):
        assert redis_answers(Settings(redis_url=server.url))
    assert not redis_answers(Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))


def test_pages_say_what_redis_does(server: Server, stage: Stage) -> None:
    """Instead of that it does not answer."""
    without_old_data = next(each for each in TROUBLES if each.name == "a failover without old data")
    stage.move_ledger(server.url)
    with serving() as monitor, without_old_data.bring(server, 0):
        answers = [monitor.get(path) for path in ("/activity", "/error-logs")]
    for answer in answers:
        assert answer.status_code == 503
        assert "Redis refuses" in text_of(answer.text)
        assert "it is a replica that has lost its primary (MASTERDOWN)" in text_of(answer.text)


def spoil(stage: Stage) -> None:
    """Let the counts be something else: the end of each attempt is counted."""
    stage.client.set("stamped-sync:totals", "something else")


def test_fault_of_a_script_fails_the_job_as_ours(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once with its script, and Redis is not said to be away."""
    stage.patch.setattr("worker.ledger.scripting.outage", Outage())  # the process' own may have logged it just before
    stage.ledger.request(JOB)
    spoil(stage)
    with pytest.raises(ScriptFailed) as raised:
        stage.ledger.complete(stage.ledger.claim(JOB), (), "created", "1")
    assert not isinstance(raised.value, LedgerUnavailable)
    assert raised.value.failure.code == "internal-error"
    assert raised.value.failure.detail.startswith("WRONGTYPE in the script ")
    faults = [each for each in caplog.records if (each.name, each.levelname) == ("worker.ledger.connection", "ERROR")]
    assert len(faults) == 1
    assert "in the script" in faults[0].getMessage()


def test_job_whose_script_fails_is_no_outage(stage: Stage) -> None:
    """The task ends with the error of ours."""
    stage.ledger.request(JOB)
    spoil(stage)
    ended = run(transfer_customer, JOB.system_id, JOB.customer_id)
    assert isinstance(ended.value, ScriptFailed)
