"""A connection of `system_id` and `ipaas` alone, with real workers: its key is rotated in iPaaS.com, and jobs go on."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.acceptance.scene import PLENTY, Scene, customer, person, scene
from tests.acceptance.sentry_endpoint import SentryEndpoint, sentry_endpoint
from tests.acceptance.test_privacy import dump
from worker.jobs.job import Kind
from worker.sandbox.faults import Fault
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

IDS = [str(150_000 + number) for number in range(60)]
NEW_KEYS = ("rotated-private-1", "rotated-private-2")
SECRETS = (parts.TOKEN, "sandbox-public", parts.PRIVATE_KEY, *NEW_KEYS)
SUBSCRIPTION = "subscriptions/v2/Subscription"


@pytest.fixture(name="stage", scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The scene with a connection that leaves all to the subscription but for its `limit`."""
    folder = tmp_path_factory.mktemp("subscription")
    with parts.valkey() as redis_url, scene(redis_url, folder, Sandbox([person(each) for each in IDS])) as stage:
        (folder / "connections.toml").write_text(parts.open_connection(stage.url, more=PLENTY), encoding="utf-8")
        yield stage


@pytest.fixture(name="sentry", scope="module")
def _sentry() -> Iterator[SentryEndpoint]:
    """What Sentry gets."""
    with sentry_endpoint() as endpoint:
        yield endpoint


def control(stage: Scene, method: str, path: str, body: object) -> None:
    """Tell the sandbox something, as a person does."""
    connection = http.client.HTTPConnection(stage.url.removeprefix("http://"), timeout=parts.PATIENCE_SECONDS)
    connection.request(method, f"/sandbox/{path}", json.dumps(body))
    assert connection.getresponse().status == 204
    connection.close()


def take_key(stage: Scene, key: str) -> None:
    """Let Stamped.io take another private key."""
    control(stage, "PUT", "keys", {"public_key": "sandbox-public", "private_key": key})


def enter_key(stage: Scene, key: str) -> None:
    """Enter it in iPaaS.com."""
    control(stage, "PATCH", "settings", {"API Private Key": key})


def transfer(stage: Scene, ids: list[str]) -> None:
    """Ask for customers and wait until each is done."""
    jobs = [customer(each) for each in ids]
    stage.request(*jobs)
    stage.eventually(lambda: stage.done(jobs) == len(jobs))


def test_connection_is_held_from_the_start_if_its_subscription_cannot_be_read(stage: Scene) -> None:
    """Before any job; it says why, and is no longer held once iPaaS.com answers, although no job has come."""
    stage.sandbox.add_fault(Fault(path=SUBSCRIPTION, cut="before"))
    with stage.running():
        (hold,) = stage.eventually(stage.ledger.holds)
        assert (hold.code, hold.is_of_reading) == ("ipaas-unreachable", True)
        assert "iPaaS.com does not answer" in stage.console("status").stdout
        stage.sandbox.clear_faults()
        stage.eventually(lambda: not stage.ledger.holds())
    log = stage.log.read_text(encoding="utf-8")
    assert log.count('"outcome": "hold began"') == 1
    assert "no longer held, as its subscription was read" in log
    assert stage.ledger.figures().totals["holds", str(parts.SYSTEM), "ipaas-unreachable"] == 1


def test_jobs_go_on_by_themselves_after_each_rotation(stage: Scene, sentry: SentryEndpoint) -> None:
    """At the start iPaaS.com does not answer; then the key changes at both sides at once, and then at Stamped.io first.

    No job fails, and no secret is in the log, in Redis or in what Sentry gets.
    """
    talkative = {
        "STAMPED_SYNC_LOG_LEVEL": "DEBUG",
        "STAMPED_SYNC_HOLD_FIRST_SECONDS": "2",
        "STAMPED_SYNC_HOLD_AFTER_ERRORS": "1",
        "SENTRY_DSN": sentry.dsn,
    }
    echo = {"message": f"the keys are {', '.join(SECRETS)}"}
    stage.sandbox.add_fault(Fault(path=SUBSCRIPTION, status=500, body=echo))
    with stage.running(**talkative):
        first = [customer(each) for each in IDS[:20]]
        stage.request(*first)
        stage.eventually(lambda: [hold.code for hold in stage.ledger.holds()] == ["ipaas-unavailable"])
        held = dump(stage.client)
        stage.sandbox.clear_faults()
        stage.eventually(lambda: stage.done(first) == len(first))

        enter_key(stage, NEW_KEYS[0])
        take_key(stage, NEW_KEYS[0])
        transfer(stage, IDS[20:40])

        take_key(stage, NEW_KEYS[1])
        last = [customer(each) for each in IDS[40:]]
        stage.request(*last)
        stage.eventually(lambda: [hold.code for hold in stage.ledger.holds()] == ["stamped-credentials-refused"])
        held += dump(stage.client)
        enter_key(stage, NEW_KEYS[1])
        stage.eventually(lambda: stage.done(last) == len(last))
        held += dump(stage.client)
    assert stage.ledger.counts(Kind.CUSTOMER).failed == 0
    assert stage.ledger.holds() == []
    logs = "".join((stage.folder / name).read_text(encoding="utf-8") for name in ("worker.log", "beat.log"))
    seen = "\n".join([logs, held, *sentry.texts])
    assert "its subscription has other values for Stamped.io" in logs
    assert [secret for secret in SECRETS if secret in seen] == []
