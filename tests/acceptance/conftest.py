"""What holds for all tests with real processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.browser import flower
from tests.acceptance.front_door import Door, front_door
from tests.acceptance.scene import Scene, scene
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

HANGS_AFTER_SECONDS = 15 * 60
"""Real processes may take their time on a busy machine: waits end when nothing gets on, and this ends what hangs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder that time."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(HANGS_AFTER_SECONDS))


@pytest.fixture(scope="module")
def monitor(stage: Scene) -> Iterator[str]:
    """A Flower with a login, on the module's own stage."""
    with flower(stage) as url:
        yield url


@pytest.fixture(scope="module")
def made(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A scene without a worker, for front doors."""
    with scene(valkey_url, tmp_path_factory.mktemp("listen"), Sandbox([])) as made:
        yield made


@pytest.fixture(scope="module")
def opened(made: Scene) -> Iterator[Door]:
    """A front door there."""
    with front_door(made.env, made.folder) as door:
        yield door
