"""The configuration files for a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.mapping.mapping import DEFAULT
from worker.sandbox.customers import SYSTEM_ID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from worker.sandbox.sandbox import Sandbox

SUBSCRIPTION_ROW = """
[[row]]
type = "Field"
source = "CustomFields.Newsletter"
destination = "IsSubscribed"
level = "optional"
description = "Optional. Subscribes or unsubscribes the customer by the answer in this custom field."
"""
"""Uses the custom field that some sample customers have."""

QUICK_THROTTLE = "throttle = { limit = 1000, seconds = 1, concurrent = 20 }"
"""The sandbox has no rate limit of its own."""


def connections_text(sandbox: Sandbox, url: str, *more: str) -> str:
    """A connections file for a sandbox at `url`, each connection with `more` lines. Its secrets work nowhere else."""
    return "\n".join(_connection(sandbox, system_id, url, more) for system_id in sandbox.systems)


def write_configuration(folder: Path, sandbox: Sandbox, url: str) -> Path:
    """Write a connections file, whose path it returns, and a mapping: the default one and a subscription row."""
    (folder / "mapping.toml").write_text(DEFAULT.read_text("utf-8") + SUBSCRIPTION_ROW, "utf-8")
    path = folder / "connections.toml"
    path.write_text(connections_text(sandbox, url, 'mapping = "mapping.toml"', QUICK_THROTTLE), "utf-8")
    return path


def name_of(system_id: int) -> str:
    """What a connection to the sandbox is called."""
    return "Sandbox" if system_id == SYSTEM_ID else f"Sandbox {system_id}"


def _connection(sandbox: Sandbox, system_id: int, url: str, more: Sequence[str]) -> str:
    lines = [
        "[[connection]]",
        f"system_id = {system_id}",
        f'name = "{name_of(system_id)}"',
        *more,
        f'ipaas = {{ api_url = "{url}", token = "{sandbox.token}" }}',
        "",
        "[connection.stamped]",
        f'api_url = "{url}"',
        f'public_key = "{sandbox.public_key}"',
        f'private_key = "{sandbox.private_key}"',
        f'store_hash = "{sandbox.store_hash}"',
    ]
    return "\n".join(lines) + "\n"
