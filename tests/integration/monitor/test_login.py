"""Flower's login over HTTP, and at its start, however it is set."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
import requests

from tests import forked, parts
from tests.integration.monitor_stage import Monitor, serving
from tests.integration.stage import NOWHERE
from tests.parts import PATIENCE_SECONDS
from worker.local.ports import free_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.stage import Stage

LOGIN = ("operator", "pässwört: or not")
EVERY_PAGE = ["/", "/tasks", "/broker", "/activity", "/error-logs", "/manual-sync", "/api/task/types"]


@pytest.fixture
def monitor(stage: Stage) -> Iterator[Monitor]:  # noqa: ARG001 - Flower stands on it
    """Flower with a login of more than ASCII."""
    with serving(login=LOGIN) as monitor:
        yield monitor


def answer(monitor: Monitor, path: str, authorization: bytes) -> requests.Response:
    """What is answered to these bytes of an `Authorization` header."""
    return requests.get(monitor.url + path, headers={"Authorization": authorization}, timeout=PATIENCE_SECONDS)


def basic(login: bytes) -> bytes:
    """The header of a login."""
    return b"Basic " + b64encode(login)


@pytest.mark.parametrize("path", EVERY_PAGE)
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_letters_of_a_login_are_any(monitor: Monitor, path: str, charset: str) -> None:
    """On Flower's own pages as on ours."""
    assert answer(monitor, path, basic(":".join(LOGIN).encode(charset))).status_code == 200


@pytest.mark.parametrize("path", EVERY_PAGE)
@pytest.mark.parametrize(
    "authorization",
    [b"", b"Basic", b"Basic \xff", b"\xff\xfe", basic(b"\xff"), basic("opérator:x".encode()), basic(b"operator:x")],
)
def test_whatever_else_is_sent_is_refused(monitor: Monitor, path: str, authorization: bytes) -> None:
    """With the question for a login; never with an error of the server."""
    refused = answer(monitor, path, authorization)
    assert refused.status_code == 401
    if not path.startswith("/api/"):
        assert refused.headers["WWW-Authenticate"] == 'Basic realm="flower", charset="UTF-8"'
        assert refused.text == "Access denied"


def flower(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """How Flower ends that is started so; it must not get as far as its port."""
    command = ["celery", "-A", "worker.app", "flower", f"--port={free_port()}", *options]
    whole = parts.environment(NOWHERE, parts.write_connections(folder, "http://127.0.0.1:9"), **env)
    return forked.run(whole, folder, command)


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (",", "login 1 of 2: is empty"),
        ("operator", "a colon between"),
        ("operator:", "has no password"),
        ("operator:sec,ret", "login 2 of 2: must be a user and a password"),
        ("operator:secret, other:secret", "login 2 of 2: must not begin or end its user with a blank"),
        ("operator:secret\n", "line break"),
    ],
)
@pytest.mark.parametrize("is_option", [False, True], ids=["environment", "option"])
def test_login_that_nobody_could_use_is_refused_at_the_start(
    tmp_path: Path, login: str, words: str, is_option: bool
) -> None:
    """In a sentence that names neither user nor password."""
    ended = flower(tmp_path, f"--basic-auth={login}") if is_option else flower(tmp_path, FLOWER_BASIC_AUTH=login)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "FLOWER_BASIC_AUTH=operator:a-long-password" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr


def test_login_of_dotenv_is_looked_at_too(tmp_path: Path) -> None:
    """It is Flower's login like any other."""
    (tmp_path / ".env").write_text("FLOWER_BASIC_AUTH=secret\n")
    ended = flower(tmp_path)
    assert (ended.returncode, "secret" in ended.stderr) == (2, False)
    assert ".env: line 1, FLOWER_BASIC_AUTH: must be a user and a password" in ended.stderr


def test_login_of_a_configuration_file_is_looked_at_too(tmp_path: Path) -> None:
    """For somebody who has a configuration file of their own."""
    own = tmp_path / "own.py"
    own.write_text("from worker.monitor import install\ninstall()\nbasic_auth = ['operator']\n", encoding="utf-8")
    ended = flower(tmp_path, f"--conf={own}")
    assert (ended.returncode, "a colon between" in ended.stderr) == (2, True)
