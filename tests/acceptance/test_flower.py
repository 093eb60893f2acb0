"""Flower as Celery's own command starts it: our pages, and each login of its list."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
import requests

from tests import parts
from tests.integration.html import text_of
from tests.integration.jobs import JOB
from tests.integration.monitor_stage import LOGIN
from tests.parts import PATIENCE_SECONDS
from worker.ledger import Ledger
from worker.local.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    import redis


@pytest.fixture
def connections(tmp_path: Path) -> Path:
    """A connections file."""
    return parts.write_connections(tmp_path, "http://127.0.0.1:9")


def test_celerys_own_command_starts_flower_with_the_pages(
    connections: Path, client: redis.Redis, redis_url: str
) -> None:
    """Nobody has to name a configuration file for it; login and prefix come from Flower's own environment."""
    Ledger(client).request(JOB)
    port = free_port()
    env = parts.environment(redis_url, connections, FLOWER_URL_PREFIX="monitor")
    with parts.flower_process(env, connections.with_name("flower.log"), port, ":".join(LOGIN)):
        url = f"http://127.0.0.1:{port}/monitor/activity"
        answer = parts.eventually(lambda: answer_of(url, auth=LOGIN))
        assert (answer.status_code, requests.get(url, timeout=PATIENCE_SECONDS).status_code) == (200, 401)
        assert "150713" in text_of(answer.text)


def test_several_logins_are_each_let_in(connections: Path, redis_url: str) -> None:
    """By Flower as Celery's command starts it."""
    logins = ["anna:pässwört", "bert:b r : t"]
    port = free_port()
    env = parts.environment(redis_url, connections)
    with parts.flower_process(env, connections.with_name("flower.log"), port, ",".join(logins)):
        url = f"http://127.0.0.1:{port}/activity"
        parts.eventually(lambda: answer_of(f"http://127.0.0.1:{port}/healthcheck"))
        for login in logins:
            headers = {"Authorization": b"Basic " + b64encode(login.encode())}
            assert requests.get(url, headers=headers, timeout=PATIENCE_SECONDS).status_code == 200
        assert requests.get(url, timeout=PATIENCE_SECONDS).status_code == 401


def test_an_empty_login_counts_as_not_set(connections: Path, redis_url: str) -> None:
    """As everywhere: the pages can be read, but change nothing."""
    port = free_port()
    with parts.flower_process(parts.environment(redis_url, connections), connections.with_name("flower.log"), port, ""):
        parts.eventually(lambda: answer_of(f"http://127.0.0.1:{port}/healthcheck"))
        page = requests.get(f"http://127.0.0.1:{port}/manual-sync", timeout=PATIENCE_SECONDS)
        assert (page.status_code, "FLOWER_BASIC_AUTH=user:password" in page.text) == (200, True)


def answer_of(url: str, auth: tuple[str, str] | None = None) -> requests.Response | None:
    """What is answered at an address; None until somebody listens there."""
    try:
        return requests.get(url, auth=auth, timeout=PATIENCE_SECONDS)
    except requests.ConnectionError:
        return None
