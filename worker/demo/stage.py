"""Everything that a demonstration runs on, in a temporary folder and on free ports."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from worker.demo.files import write_configuration
from worker.local.child import running
from worker.local.ports import free_port
from worker.local.services import Login, Setting
from worker.local.valkey import embedded_valkey
from worker.sandbox.customers import sample_customers
from worker.sandbox.server import Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.local.child import Child
    from worker.sandbox.server import RunningSandbox

FOREIGN_PREFIXES = ("STAMPED_SYNC_", "SENTRY_", "FLOWER_", "CELERY_")
"""The environment variables that configure a real installation; they must not reach a demonstration."""
QUICK = {
    "STAMPED_SYNC_SWEEP_SECONDS": "2",
    "STAMPED_SYNC_HOLD_FIRST_SECONDS": "1",
    "STAMPED_SYNC_LOG_FORMAT": "text",
}
"""Shorter times than the defaults, because somebody watches."""


@dataclass(frozen=True)
class Stage:
    """Everything that runs."""

    folder: Path
    redis_url: str
    sandbox: RunningSandbox
    connections: Path
    flower_port: int
    login: Login
    children: list[Child]


@contextmanager
def running_stage(customers: int, flower_port: int = 0) -> Iterator[Stage]:
    """Start every part, and end every part when the block is left, for whatever reason.

    Within the block, this process has the same environment as its children, and so the same configuration.
    """
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="stamped-sync-demo-")))
        redis_url = parts.enter_context(embedded_valkey(data=folder / "valkey"))
        sandbox = parts.enter_context(serve(Sandbox(sample_customers(customers))))
        connections = write_configuration(folder, sandbox.sandbox, sandbox.url)
        environment = _environment(redis_url, connections)
        parts.enter_context(_only(environment, folder))
        parts.enter_context(_logged_to(folder / "demo.log"))

        setting = Setting(environment, folder, files=folder, logs=folder)
        port, login = flower_port or free_port(), Login("demo", SecretStr(secrets.token_urlsafe(12)))
        children = setting.services(port, login)
        parts.enter_context(running(children))
        for child in children:  # together, and so faster: whatever a demonstration leaves undone does not matter
            parts.callback(child.ask_to_end)
        yield Stage(folder, redis_url, sandbox, connections, port, login, children)


def _environment(redis_url: str, connections: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_PREFIXES)}
    ours = {"STAMPED_SYNC_REDIS_URL": redis_url, "STAMPED_SYNC_CONNECTIONS": str(connections)}
    return {**kept, **QUICK, **ours}


@contextmanager
def _only(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Give this process that environment, and a current folder without a `.env` file."""
    before = dict(os.environ)
    try:
        _replace_environment(environment)
        with contextlib.chdir(folder):
            yield
    finally:
        _replace_environment(before)


def _replace_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


@contextmanager
def _logged_to(path: Path) -> Iterator[None]:
    """Log to a file beside the children's, and not to the screen."""
    log, output = logging.getLogger(), logging.FileHandler(path, encoding="utf-8")
    log.addHandler(output)
    try:
        yield
    finally:
        log.removeHandler(output)
        output.close()
