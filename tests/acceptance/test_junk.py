"""Whatever stands in a queue: no worker ends by it, none reconnects for it, and the jobs behind it run."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests import parts
from worker.app import app
from worker.config.settings import Settings
from worker.jobs.job import Job, Kind
from worker.jobs.routes import ACCEPT_TRIGGER, QUEUES, TASK_OF, UPKEEP
from worker.runtime import Runtime
from worker.sandbox.server import Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

JOB = Job(Kind.CUSTOMER, parts.SYSTEM, "150713")
NO_MESSAGES = ["", "x" * 100_000, "\x00\xff", '{"body": "W1', "null", "[]", "123", '"x"', "{}", '{"headers": null}']
BAD_HEADERS: list[dict[str, Any]] = [
    {"id": None},
    {"timelimit": 7},
    {"timelimit": [1, 2, 3]},
    {"expires": {}},
    {"eta": []},
    {"retries": "many"},
    {"id": ["a", "list"]},
    {"task": ["a", "list"]},
    {"task": None},
]
BAD_PROPERTIES: list[dict[str, Any]] = [
    {"delivery_tag": ["a", "list"]},
    {"delivery_tag": None},
    {"delivery_info": "a text"},
    {"delivery_info": {}},
    {"priority": "x"},
    {"body_encoding": 7},
]


@pytest.fixture
def stage(tmp_path: Path, redis_url: str) -> Iterator[dict[str, str]]:
    """The environment of a worker whose store has one customer."""
    with serve(Sandbox([{"id": JOB.customer_id, "email_address": "c@example.com"}])) as running:
        connections = parts.write_connections(tmp_path, running.url)
        app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
        yield parts.environment(redis_url, connections)


def message(task: str, headers: dict[str, Any], properties: dict[str, Any]) -> str:
    """A message as Celery writes it, but for what is given."""
    whole = {"lang": "py", "task": task, "id": "1-2-3", "retries": 0, "eta": None, "expires": None}
    info = {"exchange": "", "routing_key": UPKEEP}
    usual = {"correlation_id": "1-2-3", "delivery_tag": str(uuid4()), "delivery_info": info, "body_encoding": "base64"}
    whole = {name: value for name, value in (whole | headers).items() if name != "id" or value is not None}
    return json.dumps(
        {
            "body": "W1tdLCB7fSwge31d",
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": whole,
            "properties": usual | {"priority": 0} | properties,
        }
    )


def without(name: str) -> str:
    """A message that lacks a part."""
    whole = json.loads(message(ACCEPT_TRIGGER, {}, {}))
    del whole[name]
    return json.dumps(whole)


def test_worker_goes_on_behind_whatever_stands_in_its_queues(
    tmp_path: Path, client: redis.Redis, stage: dict[str, str]
) -> None:
    """Each of them is dropped or refused, and the log says so."""
    tasks = [ACCEPT_TRIGGER, *TASK_OF.values()]
    junk = [*NO_MESSAGES, *map(without, ("body", "headers", "properties", "content-type", "content-encoding"))]
    junk += [message(task, headers, {}) for task in tasks for headers in BAD_HEADERS]
    junk += [message(task, {}, properties) for task in tasks for properties in BAD_PROPERTIES]
    for queue in QUEUES:
        client.rpush(queue, *junk)
    log = tmp_path / "worker.log"
    with parts.worker_process(stage, log, "--concurrency=2") as worker:
        parts.eventually(lambda: not any(client.llen(queue) for queue in QUEUES))
        for text in ("{}", "null", "[]", "x", '{"properties": {}}'):
            client.publish("/0.celery.pidbox", text)
        app.runtime.ledger.request(JOB)
        app.runtime.ledger.admit(JOB.system_id)
        parts.eventually(lambda: app.runtime.ledger.counts(Kind.CUSTOMER).done == 1)
        assert worker.poll() is None
    text = log.read_text("utf-8")
    assert "is dropped" in text
    assert client.zcard("unacked_index") == 0
    assert "Unrecoverable" not in text
    assert text.count("Connected to redis") <= 1


PERSONAL = "zoe@example.com"
UNKNOWN: dict[str, Any] = {"argsrepr": f"({PERSONAL!r},)", "origin": PERSONAL}


def test_messages_for_no_task_are_shown_to_an_operator_and_nothing_in_them_is_logged(
    tmp_path: Path, client: redis.Redis, stage: dict[str, str]
) -> None:
    """Their sender learns nothing: Flower answers 200. Many of them are noted as one."""
    body = base64.b64encode(json.dumps([[{"email": PERSONAL}], {}, {}]).encode()).decode()
    junk = [
        json.dumps(json.loads(message(name, UNKNOWN, {})) | {"body": body})
        for name in ("stamped.accept_triger", PERSONAL)
    ]
    strange = json.loads(message(ACCEPT_TRIGGER, UNKNOWN, {})) | {"body": body}
    junk += [json.dumps(strange | {"headers": {"who": PERSONAL}}), json.dumps(strange | {"content-type": PERSONAL})]
    client.rpush(UPKEEP, *(junk * 20))
    log = tmp_path / "worker.log"
    with parts.worker_process(stage, log, "--concurrency=2"):
        parts.eventually(lambda: not client.llen(UPKEEP) and len(app.runtime.ledger.refusals()) >= 2)
    found = {each.place: each for each in app.runtime.ledger.refusals()}
    assert {"message of stamped.accept_x", "message of x.x"} <= set(found)
    assert "stamped.accept_trigger is probably meant" in found["message of stamped.accept_x"].detail
    assert len(app.runtime.ledger.refusals()) <= 4
    text = log.read_text("utf-8")
    assert "no task is called stamped.accept_x" in text
    assert [word for word in ("zoe", "Traceback") if word in text] == []
