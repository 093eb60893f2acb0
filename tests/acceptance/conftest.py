"""What holds for all tests with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

HANGS_AFTER_SECONDS = 15 * 60
"""Real processes may take their time on a busy machine: waits end when nothing gets on, and this ends what hangs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder that time."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(HANGS_AFTER_SECONDS))
