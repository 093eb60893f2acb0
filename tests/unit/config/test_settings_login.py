"""Flower's logins: what can't be used is refused before anything starts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from worker import starting
from worker.app import SyncApp
from worker.config.faults import ConfigurationError
from worker.config.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

USER, PASSWORD = "STAMPED_SYNC_FLOWER_USER", "STAMPED_SYNC_FLOWER_PASSWORD"
LOGINS = "FLOWER_BASIC_AUTH"


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
        (LOGINS, "secret"),
        (LOGINS, "anna:secret,"),
        (LOGINS, "anna:secret\x1b"),
        (LOGINS, "anna:secret\udce4"),
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


def test_every_login_that_nobody_could_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its number, as each is a secret."""
    monkeypatch.setenv(LOGINS, "secret,anna:secret,anna:")
    with pytest.raises(ConfigurationError, match="login 1 of 3: must be a user and a password") as refused:
        load_settings()
    assert "; login 3 of 3: has no password behind the colon" in str(refused.value)


@pytest.mark.parametrize(
    ("held", "given", "login"),
    [("anna:secret", "", "anna:secret"), ("anna:secret", "bert:secret", "bert:secret"), ("", "", None)],
)
def test_flower_gets_the_login_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: str, given: str, login: str | None
) -> None:
    """Flower itself reads only the process's environment. Empty variables count as not set, as everywhere."""
    (tmp_path / ".env").write_text(f"{LOGINS}={held}\n")
    monkeypatch.setenv(LOGINS, given)
    monkeypatch.setenv("FLOWER_CONF", "")
    for name in ("_look_at", "set_up_log"):
        monkeypatch.setattr(starting, name, lambda _: None)
    starting.prepare_flower(SyncApp())
    assert (os.environ.get(LOGINS), os.environ["FLOWER_CONF"]) == (login, starting.PAGES)
