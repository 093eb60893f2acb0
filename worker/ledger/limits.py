"""The terms under which the ledger works: its times, and what each store allows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from worker.jobs.calls import Api

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class LedgerTimes:
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
class StoreLimits:
    """What one connection allows: jobs at a time, and calls of each API."""

    concurrent: int = 10
    stamped: Limit | None = field(default_factory=lambda: Limit(500, 60))
    ipaas: Limit | None = None
    looks_for_shared: bool = False
    """Whether a transfer looks who shares its Stamped.io customer, which is one call of iPaaS.com more."""

    def as_values(self) -> dict[str, Any]:
        """The terms as the scripts take them; see `_store.lua`."""
        apis = {Api.STAMPED: self.stamped, Api.IPAAS: self.ipaas}
        return {
            "concurrent": self.concurrent,
            "looks": int(self.looks_for_shared),
            "apis": {
                api.key: {"limit": limit.calls, "window_ms": int(limit.seconds * 1000)}
                for api, limit in apis.items()
                if limit
            },
        }


class AllStoreLimits:
    """The terms of every store as JSON, made once. A store that is not configured gets the usual ones."""

    def __init__(self, stores: Mapping[int, StoreLimits]) -> None:
        self._each = {system_id: json.dumps(store.as_values()) for system_id, store in stores.items()}
        self._usual = json.dumps(StoreLimits().as_values())

    @property
    def systems(self) -> Iterable[int]:
        """The stores that are configured."""
        return self._each.keys()

    def of(self, system_id: int) -> str:
        """The terms of one store."""
        return self._each.get(system_id, self._usual)

    def of_some(self, systems: Iterable[int]) -> str:
        """The terms of some stores by their system ids, and those of any other under `default`."""
        each = [f'"{system_id}":{self._each[system_id]}' for system_id in systems if system_id in self._each]
        usual = f'"default":{self._usual}'
        return "{" + ",".join([*each, usual]) + "}"
