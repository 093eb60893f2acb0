"""The machine on which a run was made, and the versions of what ran."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.contestants import ALL

if TYPE_CHECKING:
    import redis


def about(client: redis.Redis) -> dict[str, Any]:
    """What there is to know about a run at its beginning."""
    server: Any = client.info("server")
    return {
        "began": datetime.now(UTC).isoformat(timespec="minutes"),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "valkey": server.get("valkey_version") or server["redis_version"],
        "commit": commit(),
        "packages": {name: version(name) for each in ALL for name in each.packages},
    }


def cpu() -> str:
    """The name of the processor."""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    """The commit that is measured; `+` if files differ from it."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],  # noqa: S607 - the git of whoever measures
            cwd=Path(__file__).parent, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()
