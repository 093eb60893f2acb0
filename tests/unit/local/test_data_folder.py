"""The folder in which `stamped-sync up` keeps its own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.config.faults import ConfigurationError
from worker.local.data_folder import opened

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_that_cannot_be_used_is_named_where_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line of `.env` that names it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAMPED_SYNC_DATA", raising=False)
    (file := tmp_path / "data").touch()
    (tmp_path / ".env").write_text(f"# where\nSTAMPED_SYNC_DATA={file}\n")
    with pytest.raises(ConfigurationError) as raised, opened(file):
        pass
    assert str(raised.value).startswith(f".env: line 2, STAMPED_SYNC_DATA: {file} can't be used")
