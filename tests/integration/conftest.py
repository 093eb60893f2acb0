"""The fixtures of the tests that run tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import parts
from tests.integration.stage import Stage

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox


@pytest.fixture
def stage(
    tmp_path: Path, redis_url: str, client: redis.Redis, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    """The parts, with one connection by the default template."""
    parts.write_connections(tmp_path, sandbox.url)
    stage = Stage(tmp_path, sandbox.url, sandbox.sandbox, client, monkeypatch)
    stage.build(redis_url)
    return stage
