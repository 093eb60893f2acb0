"""Files of the configuration that can't be read: a sentence that names the file and the fix, and code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import parts
from worker.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def sparse_file(path: Path) -> None:
    """A file of 16 GB that takes no room."""
    path.touch()
    os.truncate(path, 1 << 34)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (lambda path: path.mkdir(), "is a folder: name a file instead, or put one in its place"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "is a link to a file that does not exist: make that file"),
    "loop": (lambda path: path.symlink_to(path.name), "is a link that leads back to itself: remove it"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a device or a pipe: name a file instead"),
    "binary": (lambda path: path.write_bytes(b"A=\0\1"), "save it as text in UTF-8"),
    "latin-1": (lambda path: path.write_bytes(b"A=\xeb\n"), "is not UTF-8 text: save it in UTF-8"),
    "huge": (sparse_file, "MB: put the right file in its place"),
}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of an installation without a Redis."""
    path = parts.write_connections(tmp_path, "http://127.0.0.1:9", subscription=True)
    return parts.environment(f"redis://127.0.0.1:{free_port()}/0", path)


def spoilt(path: Path, how: str) -> str:
    """Put something else in the place of a file; what is to be said of it."""
    path.unlink(missing_ok=True)
    make, problem = BAD[how]
    make(path)
    return problem


def assert_told(done: subprocess.CompletedProcess[str], name: str, problem: str) -> None:
    """One sentence with the file and the fix, and code 2."""
    assert "Traceback" not in done.stdout + done.stderr
    [line] = [line for line in done.stderr.splitlines() if problem in line]
    assert (name in line, done.returncode) == (True, 2)


@pytest.mark.parametrize("how", BAD)
def test_dotenv_that_cannot_be_read_is_told(how: str, env: dict[str, str], tmp_path: Path) -> None:
    """By the command line."""
    problem = spoilt(tmp_path / ".env", how)
    assert_told(parts.console(env, tmp_path, "status"), ".env", problem)


@pytest.mark.parametrize("name", ["connections.toml", "mapping.toml"])
@pytest.mark.parametrize("how", BAD)
def test_configuration_that_cannot_be_read_is_told(how: str, name: str, env: dict[str, str], tmp_path: Path) -> None:
    """The connections file and a mapping that it names."""
    problem = spoilt(tmp_path / name, how)
    assert_told(parts.console(env, tmp_path, "connections"), name, problem)


@pytest.mark.parametrize("how", BAD)
def test_a_secret_that_cannot_be_read_is_told(how: str, env: dict[str, str], tmp_path: Path) -> None:
    """With the key that names it; nothing of what it holds."""
    path = tmp_path / "connections.toml"
    path.write_text(path.read_text().replace(f'"{parts.TOKEN}"', '{ file = "token" }'))
    problem = spoilt(tmp_path / "token", how).replace("MB", "KB")
    done = parts.console(env, tmp_path, "connections")
    assert_told(done, str(tmp_path / "token"), problem)
    assert "connection 1, ipaas.token" in done.stderr


@pytest.mark.parametrize("service", ["worker", "beat", "flower"])
@pytest.mark.parametrize("how", ["folder", "loop", "device", "latin-1"])
def test_no_service_starts_with_a_dotenv_that_cannot_be_read(
    how: str, service: str, env: dict[str, str], tmp_path: Path
) -> None:
    """It ends with the sentence and code 2, before it does anything."""
    problem = spoilt(tmp_path / ".env", how)
    command = [sys.executable, "-m", "celery", "-A", "worker.app", service]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert_told(done, ".env", problem)


@pytest.mark.parametrize("service", ["worker", "beat", "flower"])
def test_a_service_logs_a_misspelt_setting_once(service: str, env: dict[str, str], tmp_path: Path) -> None:
    """With the nearest name, in its log; it starts all the same."""
    log = tmp_path / "log"
    wrong = env | {
        "STAMPED_SYNC_CONCURENCY": "3",
        "STAMPED_SYNC_LOG_FORMAT": "json",
        "FLOWER_PORT": str(free_port()),
    }
    with parts.process(["-m", "celery", "-A", "worker.app", service], wrong, log):
        parts.eventually(lambda: "did you mean STAMPED_SYNC_CONCURRENCY?" in log.read_text())
        parts.eventually(lambda: "127.0.0.1" in log.read_text())  # it has gone on to look for Redis
    assert log.read_text().count("STAMPED_SYNC_CONCURENCY is not a setting and is ignored") == 1


def test_a_command_warns_of_a_misspelt_setting_and_goes_on(env: dict[str, str], tmp_path: Path) -> None:
    """On standard error, once; its result is what it was, and so is what it says of a Redis that is not there."""
    done = parts.console(env | {"STAMPED_SYNC_CONECTIONS": "x"}, tmp_path, "connections", "--json")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    warning, of_redis = done.stderr.splitlines()
    assert warning == (
        "Warning: STAMPED_SYNC_CONECTIONS is not a setting and is ignored; did you mean STAMPED_SYNC_CONNECTIONS?"
    )
    assert of_redis.startswith("✗ Redis does not answer at ")
