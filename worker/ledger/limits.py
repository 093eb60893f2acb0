"""What the ledger is given: its times, and what each store allows."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.config.settings import Settings
from worker.config.values import LEAST_LIMIT
from worker.jobs.calls import Api
from worker.jobs.errors import LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    events: int = USUAL.events
    """How many events of each lane are kept."""


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
    unsaid: frozenset[str] = frozenset()
    """Which of `limit`, `seconds` and `concurrent` the connections file leaves to the subscription."""

    is_guessed: bool = False
    """Whether nobody has read yet what the subscription says: they are the least, and the window may be longer."""

    def as_json(self, *, is_known: bool = True) -> str:
        """The limits as the scripts take them: see `limits_of` in `_throttle.lua`."""
        apis = {Api.STAMPED: self.stamped, Api.IPAAS: self.ipaas}
        values = {
            "concurrent": self.concurrent,
            "looks": int(self.looks_for_shared),
            **({} if is_known else {"unknown": True}),
            **({"guessed": True} if self.is_guessed else {}),
            "apis": {
                api.key: {"limit": limit.calls, "window_ms": int(limit.seconds * 1000)}
                for api, limit in apis.items()
                if limit
            },
        }
        return json.dumps(values)


LEAST: Final = StoreLimits(concurrent=1, stamped=Limit(LEAST_LIMIT, USUAL_SECONDS))
"""What a store is allowed while nobody has noted what its subscription says: one job, which then reads it."""
LOOK_SECONDS: Final = 5.0
"""How old what a process knows of the noted limits may be."""


class NotedLimits(Mapping[int, StoreLimits]):
    """The limits of every connection: as the file says them and, for what it leaves out, as they are noted in Redis.

    Whoever reads a subscription notes its limits. So every process goes by them, also one that never calls iPaaS.com,
    such as beat or `stamped-sync sync`: each step of the ledger is given the limits of its store.
    """

    def __init__(
        self,
        given: Mapping[int, StoreLimits],
        look: Callable[[], Mapping[str, str] | None],
        write: Callable[[str, str], object],
        clock: Callable[[], float] = time.monotonic,
        *,
        own: dict[str, str] | None = None,
    ) -> None:
        """`look` answers what is noted, by system id, or None if Redis does not answer; `write` notes one of them.

        `own` is what this process has noted, also by an earlier configuration: a Redis that was emptied gets it again.
        """
        self._given = given
        self._look_up, self._write = look, write
        self._clock = clock
        self._own = {} if own is None else own
        self._lock = threading.Lock()
        self._has_looked = False
        self._good_until = -1.0
        self._known: dict[int, tuple[str, StoreLimits]] = {}
        self._noted: Mapping[str, str] = {}

    def __getitem__(self, system_id: int) -> StoreLimits:
        """The limits of one store. What nobody has noted yet is the least."""
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
        key, text = str(system_id), _as_text(limits)
        with self._lock:
            self._own[key] = text
            if self._noted.get(key) != text:
                self._note(key, text)

    def _note(self, key: str, text: str) -> None:
        self._write(key, text)
        self._noted = {**self._noted, key: text}

    def _look(self) -> None:
        """Read what is noted. If Redis does not answer, the old limits go on: the step that needs them says so.

        One thread looks. The others wait for its first look, and go on with the old limits during any later one.
        """
        if not self._lock.acquire(blocking=not self._has_looked):
            return
        try:
            if self._clock() < self._good_until:
                return  # another thread has looked meanwhile
            noted = self._look_up()
            self._good_until = self._clock() + LOOK_SECONDS
            if noted is not None:
                self._has_looked = True
                self._noted = noted
                self._note_again()
        finally:
            self._lock.release()

    def _note_again(self) -> None:
        """Note what this process knows and Redis has lost."""
        with suppress(LedgerUnavailable):
            for key, text in self._own.items():
                given = self._given.get(int(key))
                if given and given.unsaid and key not in self._noted:
                    self._note(key, text)


def _as_text(limits: StoreLimits) -> str:
    stamped = limits.stamped
    rate = {"limit": stamped.calls, "seconds": stamped.seconds} if stamped else {}
    return json.dumps(rate | {"concurrent": limits.concurrent})


def _merged(given: StoreLimits, text: str) -> StoreLimits:
    """The limits of the file, but with what it leaves out as it is noted."""
    noted = {key: value for key, value in json.loads(text or _as_text(LEAST)).items() if key in given.unsaid}
    stamped = given.stamped
    if stamped:
        stamped = Limit(noted.get("limit", stamped.calls), noted.get("seconds", stamped.seconds))
    return replace(given, stamped=stamped, concurrent=noted.get("concurrent", given.concurrent), is_guessed=not text)


class LimitsAsJson(dict[int, str]):
    """The limits of each store as the scripts take them.

    Those of one that is not configured here are not known, so nothing is admitted: its jobs wait for a worker that
    knows it. Without any configuration, every store has the usual ones.
    """

    def __init__(self, limits: Mapping[int, StoreLimits] | None) -> None:
        super().__init__()
        self._limits, self._others = limits or {}, StoreLimits().as_json(is_known=limits is None)
        self._open: dict[int, tuple[StoreLimits, str]] = {}
        """Those that a subscription says, and can change later."""

    def __missing__(self, system_id: int) -> str:
        limits = self._limits.get(system_id)
        if limits is None:
            return self._others  # they are not kept: messages can name any number of stores
        made = self._open.get(system_id)
        if made and made[0] is limits:
            return made[1]
        as_json = limits.as_json()
        if limits.unsaid:
            self._open[system_id] = limits, as_json
        else:
            self[system_id] = as_json
        return as_json
