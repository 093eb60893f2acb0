"""The terms under which the ledger works: its times, and what each store allows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Terms:
    """The ledger's times: a lease covers one API call; a message is lost once one sent so much later was started."""

    lease_seconds: float = 45
    lost_after_seconds: float = 30
    done_days: float = 7
    failed_days: float = 30


@dataclass(frozen=True)
class Limit:
    """At most so many calls in any window of so many seconds."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class StoreTerms:
    """What one connection allows: jobs at a time, and calls of each API."""

    concurrent: int = 10
    stamped: Limit | None = field(default_factory=lambda: Limit(500, 60))
    ipaas: Limit | None = None

    def as_values(self) -> dict[str, Any]:
        """The terms as the scripts take them; see `_store.lua`."""
        apis = {"stamped": self.stamped, "ipaas": self.ipaas}
        return {
            "concurrent": self.concurrent,
            "apis": {
                name: {"limit": limit.calls, "window_ms": int(limit.seconds * 1000)}
                for name, limit in apis.items()
                if limit
            },
        }


class StoresTerms:
    """The terms of every store as JSON, made once. A store that is not configured gets the usual ones."""

    def __init__(self, stores: Mapping[int, StoreTerms]) -> None:
        values = {str(system_id): store.as_values() for system_id, store in stores.items()}
        usual = StoreTerms().as_values()
        self._each = {system_id: json.dumps(value) for system_id, value in values.items()}
        self._usual = json.dumps(usual)
        self.all = json.dumps(values | {"default": usual})

    def of(self, system_id: int) -> str:
        """The terms of one store."""
        return self._each.get(str(system_id), self._usual)
