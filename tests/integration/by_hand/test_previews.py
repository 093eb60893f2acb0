"""Previews on real parts: their calls take slots of the throttle like those of jobs."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.jobs import calls_of
from tests.integration.stage import ID, NOWHERE, Stage
from worker.app import app
from worker.by_hand.previews import Previewer
from worker.by_hand.waiting import NobodyWaits
from worker.jobs.calls import Api
from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.errors import ConnectionHeld, ThrottleUsedUp
from worker.jobs.intents import Intent
from worker.jobs.job import Job, Kind
from worker.jobs.retries import Pause
from worker.ledger import Ledger, LedgerRefuses, Limit, StoreLimits

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox
    from worker.sync.preview import Preview

OTHER = Job(Kind.CUSTOMER, parts.SYSTEM, "1")
REFUSED = Failure("stamped-credentials-refused", 401)


def limited(stage: Stage, stamped: int = 500, ipaas: int = 500) -> Ledger:
    """The ledger of a store that allows so many calls of each API in a minute."""
    terms = StoreLimits(stamped=Limit(stamped, 60), ipaas=Limit(ipaas, 60))
    ledger = Ledger(stage.client, stores={parts.SYSTEM: terms})
    stage.patch.setitem(app.__dict__, "runtime", replace(app.runtime, ledger=ledger))
    return ledger


def previewer() -> Previewer:
    """Previews on the stage."""
    return Previewer(app.runtime, app.runtime.connections[parts.SYSTEM])


def previewed() -> Preview:
    """The preview of its customer."""
    return previewer().preview(ID)


def calls(ledger: Ledger) -> dict[str, int]:
    """How many calls count against the limits."""
    return {api.key: count for api, count in ledger.figures().stores[parts.SYSTEM].calls.items()}


def test_each_call_counts_for_its_api(stage: Stage) -> None:
    """The customer and its link are read in iPaaS.com, its namesakes in Stamped.io."""
    ledger = limited(stage)
    ledger.request(OTHER)
    before = calls(ledger)
    previewed()
    asked = {api: sum(call.api == api for call in stage.sandbox.calls) for api in before}
    assert asked == {"ipaas": 2, "stamped": 1}
    assert calls(ledger) == {api: count + asked[api] for api, count in before.items()}


def test_preview_waits_for_no_more_calls_than_the_throttle_allows(stage: Stage) -> None:
    """A throttle of five is one of five, whoever calls; then it is said that it is used up."""
    stage.patch.setattr("worker.by_hand.previews.PATIENCE_SECONDS", 0.3)
    limited(stage, stamped=5)
    for _ in range(5):
        previewed()
    with pytest.raises(ThrottleUsedUp, match=r"Stamped\.io: the next call is free in \d+ s"):
        previewed()
    assert sum(call.api == "stamped" for call in stage.sandbox.calls) == 5


def test_held_store_is_not_called(stage: Stage) -> None:
    """Jobs do not call it either; what the other API says is read."""
    ledger = limited(stage)
    ledger.request(OTHER)
    ledger.hold(ledger.claim(OTHER), calls_of(0, 1, Intent.STORES), REFUSED, Pause(3600, 3600))
    with pytest.raises(ConnectionHeld, match="stamped-credentials-refused"):
        previewed()
    assert {call.api for call in stage.sandbox.calls} == {"ipaas"}


def test_preview_goes_on_where_no_redis_answers(stage: Stage) -> None:
    """No job runs then, so nobody else counts the calls."""
    stage.move_ledger(NOWHERE)
    assert previewed().payload["email"]


def test_redis_that_refuses_is_told(stage: Stage, redis_url: str) -> None:
    """Workers may have the right password: they would count."""
    stage.move_ledger(redis_url.replace("/0", "/99"))
    with pytest.raises(LedgerRefuses):
        previewed()


def test_stopped_preview_makes_no_further_call(stage: Stage) -> None:
    """Whether it would call, or waits for a slot."""
    limited(stage, stamped=5)
    waiting = previewer()
    for _ in range(5):
        previewed()
    before = len(stage.sandbox.calls)
    timer = threading.Timer(0.2, waiting.stop)
    timer.start()
    for _ in range(2):
        with pytest.raises(NobodyWaits):
            waiting.preview(ID)
    assert len(stage.sandbox.calls) == before + 2


# On the console -------------------------------------------------------------------------------------------------------


@pytest.fixture
def env(redis_url: str, sandbox: RunningSandbox, tmp_path: Path) -> dict[str, str]:
    """The environment of an installation."""
    return parts.environment(redis_url, parts.write_connections(tmp_path, sandbox.url))


def test_command_counts_its_calls(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """In the same throttle as the workers'."""
    assert parts.console(env, tmp_path, "preview", ID).returncode == 0
    assert Ledger(client, stores={parts.SYSTEM: StoreLimits()}).figures().stores[parts.SYSTEM].calls[Api.STAMPED] == 1


def test_command_tells_a_hold(env: dict[str, str], tmp_path: Path, client: redis.Redis) -> None:
    """Until when, why, and what to do."""
    ledger = Ledger(client)
    ledger.request(OTHER)
    ledger.hold(ledger.claim(OTHER), calls_of(0, 1, Intent.STORES), REFUSED, Pause(3600, 3600))
    done = parts.console(env, tmp_path, "preview", ID)
    expected, entry = " ".join(done.stderr.split()), CATALOGUE["connection-held"]
    assert (done.returncode, done.stdout) == (1, "")
    for words in (entry.title, entry.resolution, "(stamped-credentials-refused)"):
        assert words in expected


def test_command_needs_no_redis(env: dict[str, str], tmp_path: Path) -> None:
    """An integrator looks at a preview before anything is started."""
    done = parts.console(env | {"STAMPED_SYNC_REDIS_URL": NOWHERE}, tmp_path, "preview", ID, "--json")
    assert (done.returncode, json.loads(done.stdout)["action"]) == (0, "create")
