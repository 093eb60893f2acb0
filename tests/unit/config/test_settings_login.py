"""The login that `stamped-sync up` gives Flower: what can't be used is refused before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.config.faults import ConfigurationError
from worker.config.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

USER, PASSWORD = "STAMPED_SYNC_FLOWER_USER", "STAMPED_SYNC_FLOWER_PASSWORD"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `.env` of the tester's own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "text"), [(USER, "zoë"), (PASSWORD, "pässwört: 1 2 "), (PASSWORD, "パスワード")])
def test_letters_are_any(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """Flower's login takes them."""
    monkeypatch.setenv(name, text)
    settings = load_settings()
    assert settings.flower_password is None or settings.flower_password.get_secret_value() == text
    assert settings.flower_user in {"operator", text}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (USER, "anna:x"),
        (USER, "anna,x"),
        (USER, "anna x"),
        (USER, "anna\x7f"),
        (USER, "anna\udce4"),
        (PASSWORD, "secret,x"),
        (PASSWORD, "secret\n"),
        (PASSWORD, "secret\x1b"),
        (PASSWORD, "secret\udce4"),
    ],
)
def test_what_nobody_could_log_in_with_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """In one sentence, without the secret."""
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    (fault,) = refused.value.faults
    assert fault.key == name
    assert "secret" not in str(fault)
