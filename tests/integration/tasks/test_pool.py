"""A worker's threads live on, whatever one of them meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.carrying import TaskPool
from worker.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.stage import Stage

PERSONAL = "zoe@example.com"


class Request:
    """As much of Celery's request as the pool needs."""

    def __init__(self) -> None:
        self.ended: list[Any] = []

    def on_success(self, value: Any) -> None:
        """Keep what a task has answered."""
        self.ended.append(value)


@pytest.fixture
def pool(stage: Stage) -> Iterator[Any]:
    """One thread."""
    del stage
    made: Any = TaskPool(limit=1, app=app)
    made.start()
    yield made
    made.stop()


def test_fault_outside_of_a_job_is_logged_without_its_text_and_the_thread_lives_on(
    pool: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Celery's pool would keep it in a future that nobody asks."""

    def fails() -> None:
        raise LookupError(PERSONAL)

    request = Request()
    assert pool.on_apply(fails, (), callback=request.on_success).f.exception() is None
    pool.on_apply(lambda: "done", (), callback=request.on_success).f.result()
    assert request.ended == ["done"]
    [line] = [each for each in caplog.records if each.name == "tasks.carrying"]
    assert line.levelname == "ERROR"
    assert "LookupError in " in line.getMessage()
    assert PERSONAL not in line.getMessage()
    assert line.exc_info is None
