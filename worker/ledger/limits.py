"""What the ledger is given: its times, and what each store allows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.config.settings import Settings
from worker.jobs.calls import Api

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL: Final = Settings()
"""The settings as they are if nobody sets any."""
USUAL_CALLS: Final = 500
USUAL_SECONDS: Final = 60
USUAL_CONCURRENT: Final = 10
"""What a store allows if its connection does not say: the throttle's defaults in the connections file."""


@dataclass(frozen=True)
class LedgerTimes:
    """The ledger's times: a lease covers one API call; a message is lost once one sent this much later was started."""

    lease_seconds: float = USUAL.lease_seconds
    lost_after_seconds: float = USUAL.lost_after_seconds
    done_days: float = USUAL.done_days
    failed_days: float = USUAL.failed_days


@dataclass(frozen=True)
class Limit:
    """At most this number of calls in any window of these seconds."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class StoreLimits:
    """What one connection allows: jobs at a time, and calls of each API."""

    concurrent: int = USUAL_CONCURRENT
    stamped: Limit | None = Limit(USUAL_CALLS, USUAL_SECONDS)
    ipaas: Limit | None = None
    looks_for_shared: bool = False
    """Whether a transfer looks who shares its Stamped.io customer, which is one call of iPaaS.com more."""

    def as_json(self, *, is_known: bool = True) -> str:
        """The limits as the scripts take them: see `limits_of` in `_throttle.lua`."""
        apis = {Api.STAMPED: self.stamped, Api.IPAAS: self.ipaas}
        values = {
            "concurrent": self.concurrent,
            "looks": int(self.looks_for_shared),
            **({} if is_known else {"unknown": True}),
            "apis": {
                api.key: {"limit": limit.calls, "window_ms": int(limit.seconds * 1000)}
                for api, limit in apis.items()
                if limit
            },
        }
        return json.dumps(values)


class LimitsAsJson(dict[int, str]):
    """The limits of each store as the scripts take them.

    Those of one that is not configured here are not known, so nothing is admitted: its jobs wait for a worker that
    knows it. Of one that was, those that it had `before` still say how its last calls count. Without any configuration,
    every store has the usual ones.
    """

    def __init__(self, limits: Mapping[int, StoreLimits] | None, before: LimitsAsJson | None = None) -> None:
        super().__init__()
        self._limits, self._others = limits or {}, StoreLimits().as_json(is_known=limits is None)
        self._ever = {**(before.ever() if before is not None else {}), **self._limits}

    def ever(self) -> Mapping[int, StoreLimits]:
        """Those of each store that is configured or was, the last that it had."""
        return self._ever

    def __missing__(self, system_id: int) -> str:
        limits = self._ever.get(system_id)
        if limits is None:
            return self._others  # they are not kept: messages can name any number of stores
        as_json = self[system_id] = limits.as_json(is_known=system_id in self._limits)
        return as_json
