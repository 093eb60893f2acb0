"""The operator's guide leads from each error code to what to do."""

from __future__ import annotations

import pytest

from tests.parts import ROOT
from worker.jobs.catalogue import CATALOGUE

GUIDE = ROOT / "docs" / "operating.md"


@pytest.mark.parametrize("code", CATALOGUE)
def test_guide_knows_the_code(code: str) -> None:
    """Nobody meets an error that the guide does not name."""
    assert f"| `{code}` | " in GUIDE.read_text("utf-8")
