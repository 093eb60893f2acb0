"""The folder in which `stamped-sync up` keeps its own data."""

from __future__ import annotations

import fcntl
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import SecretStr

from worker.config.environment import environment
from worker.config.faults import ConfigurationError, Fault
from worker.config.settings import USABLE_PASSWORD, is_usable_password, variable
from worker.config.text_file import KILOBYTE, Unreadable, read_text
from worker.local.services import Login

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker.config.settings import Settings

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
PASSWORD_FILE = "flower-password"  # noqa: S105 - the name of the file, not what is in it
PASSWORD_BYTES = 18


@contextmanager
def opened(folder: Path) -> Iterator[Path]:
    """The folder as an absolute path, made if there is none, and locked for this process during the block.

    Two servers on one append-only file would ruin it. Raises ConfigurationError if the folder can't be used.
    """
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise _unusable(f"{folder} can't be used: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _unusable(f"another `stamped-sync up` runs with {folder}; end that one first") from None
        yield folder.resolve()


def flower_login(settings: Settings, folder: Path) -> Login:
    """The configured login; if it has no password, with the one that the folder keeps."""
    return Login(settings.flower_user, settings.flower_password or SecretStr(_kept_password(folder)))


def server_folder(folder: Path) -> Path:
    """Where an embedded Valkey keeps its data, made if there is none. Raises ConfigurationError if it can't be used."""
    data = folder / "valkey"
    try:
        data.mkdir(exist_ok=True)
    except OSError as error:
        raise _unusable(f"{data} can't be a folder: {error.strerror}") from None
    return data


def _kept_password(folder: Path) -> str:
    """The password that the folder keeps; one is made if there is none. Raises ConfigurationError."""
    path = folder / PASSWORD_FILE
    try:
        path.touch(PRIVATE_FILE)
        password = read_text(path, KILOBYTE).strip()
        path.chmod(PRIVATE_FILE)
        if not password:
            password = secrets.token_urlsafe(PASSWORD_BYTES)
            path.write_text(f"{password}\n", "utf-8")
    except Unreadable as problem:
        raise _unusable(f"{path} {problem}") from None
    except OSError as error:
        raise _unusable(f"{path} can't be used: {error.strerror}") from None
    if not is_usable_password(password):
        raise _unusable(f"{path} must hold {USABLE_PASSWORD}: correct it, or remove it for a new password")
    return password


def _unusable(problem: str) -> ConfigurationError:
    return ConfigurationError([Fault(*environment().place_of(variable("data")), problem)])
