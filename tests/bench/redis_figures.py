"""What Redis says about its own work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis


@dataclass(frozen=True)
class RedisFigures:
    """Since the server's start."""

    cpu_ms: float
    trips: int
    """How often it read from a connection: a pipeline is one round trip."""
    commands: int
    """Those that scripts called are counted too."""
    memory_bytes: int
    """Without the scripts themselves, which are there once, however many jobs there are."""

    def __sub__(self, other: RedisFigures) -> RedisFigures:
        return RedisFigures(
            self.cpu_ms - other.cpu_ms,
            self.trips - other.trips,
            self.commands - other.commands,
            self.memory_bytes - other.memory_bytes,
        )


def figures(client: redis.Redis) -> RedisFigures:
    """What Redis says now."""
    said: Any = client.info("everything")
    calls = sum(value["calls"] for name, value in said.items() if name.startswith("cmdstat_"))
    cpu_seconds = said["used_cpu_user"] + said["used_cpu_sys"]
    memory = said["used_memory"] - said.get("used_memory_vm_total", 0) - said.get("used_memory_scripts", 0)
    return RedisFigures(cpu_seconds * 1000, said["total_reads_processed"], calls, memory)
