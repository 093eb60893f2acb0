"""The limits of stores whose throttle the iPaaS.com subscription says.

Whoever reads a subscription notes its limits in Redis. So every process goes by them, also one that never calls
iPaaS.com, such as beat or `stamped-sync sync`: each step of the ledger is given the limits of its store.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import redis

from worker.ledger.keys import LIMITS
from worker.ledger.limits import Limit, StoreLimits
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOK_SECONDS: Final = 5.0
"""How old what a process knows of the noted limits may be."""


class NotedLimits(Mapping[int, StoreLimits]):
    """The limits of every connection: as the file says them and, for what it leaves out, as they are noted in Redis."""

    def __init__(
        self, client: redis.Redis, given: Mapping[int, StoreLimits], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._given = given
        self._clock = clock
        self._good_until = -1.0
        self._known: dict[int, tuple[str, StoreLimits]] = {}
        self._noted: dict[str, str] = {}

    def __getitem__(self, system_id: int) -> StoreLimits:
        """The limits of one store. Those that nobody has noted yet are the usual ones."""
        given = self._given[system_id]
        if not given.unsaid:
            return given
        if self._clock() >= self._good_until:
            self._look()
        text = self._noted.get(str(system_id), "")
        known = self._known.get(system_id)
        if known is None or known[0] != text:
            known = self._known[system_id] = text, _merged(given, text)
        return known[1]

    def __iter__(self) -> Iterator[int]:
        """The system ids."""
        return iter(self._given)

    def __len__(self) -> int:
        """How many stores there are."""
        return len(self._given)

    def note(self, system_id: int, limits: StoreLimits) -> None:
        """Note the limits of a store for all processes. Raises LedgerUnavailable."""
        text = _as_text(limits)
        if self._noted.get(str(system_id)) != text:
            with available():
                self._client.hset(LIMITS, str(system_id), text)
            self._noted = {**self._noted, str(system_id): text}

    def _look(self) -> None:
        """Read what is noted. If Redis does not answer, the old limits go on: the step that needs them says so."""
        self._good_until = self._clock() + LOOK_SECONDS
        try:
            noted: Any = self._client.hgetall(LIMITS)
        except redis.RedisError:
            return
        self._noted = noted


def known_limits(client: redis.Redis, given: Mapping[int, StoreLimits]) -> Mapping[int, StoreLimits]:
    """The limits of every connection; without a look at Redis if the file says them all."""
    return NotedLimits(client, given) if any(each.unsaid for each in given.values()) else given


def _as_text(limits: StoreLimits) -> str:
    stamped = limits.stamped
    rate = {"limit": stamped.calls, "seconds": stamped.seconds} if stamped else {}
    return json.dumps(rate | {"concurrent": limits.concurrent})


def _merged(given: StoreLimits, text: str) -> StoreLimits:
    """The limits of the file, but with what it leaves out as it is noted."""
    noted = {key: value for key, value in json.loads(text or "{}").items() if key in given.unsaid}
    stamped = given.stamped
    if stamped:
        stamped = Limit(noted.get("limit", stamped.calls), noted.get("seconds", stamped.seconds))
    return replace(given, stamped=stamped, concurrent=noted.get("concurrent", given.concurrent))
