"""Repair: compares the ledger's rows, lists, places and slots, and mends what does not fit together.

The sweep mends by itself what it meets; this finds also what nobody would meet: a job whose place is in no list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.effects import Effect
from worker.jobs.job import Kind, State
from worker.jobs.pages import pages
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

    from worker.ledger.limits import AllStoreLimits
    from worker.ledger.scripting import Scripts

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """What a repair found, and mended where it was asked to."""

    rows: int = 0
    """Jobs that were looked at."""
    unplaced: int = 0
    """Jobs in no list of their state: nobody would have run them, or shown them."""
    places: int = 0
    """Places in lists that are no job's: a job's row is gone, or says another state."""
    slots: int = 0
    """Places and slots of a store that are nobody's: fewer of its jobs could run."""

    @property
    def faults(self) -> int:
        """Everything that does not fit together."""
        return self.unplaced + self.places + self.slots


class Repairs:
    """The repair of a ledger, a page at a time, while workers run. Raises LedgerUnavailable."""

    def __init__(
        self, client: redis.Redis, scripts: Scripts, prefix: str, stores: AllStoreLimits, longest_call_ms: int
    ) -> None:
        self._client = client
        self._scripts = scripts
        self._prefix = prefix
        self._stores = stores
        self._longest_call_ms = longest_call_ms

    def run(self, *, acts: bool) -> Found:
        """Look at everything; mend it where this `acts`. What is mended first is not found again."""
        rows = unplaced = places = 0
        for kind in Kind:
            for members in self._rows(kind):
                rows += len(members)
                unplaced += self._scripts.run(Effect.REPAIR_ROWS, [], [self._prefix, kind, int(acts), *members])
            for key, state, system in self._lists(kind):
                places += sum(self._mended_places(kind, key, state, system, acts=acts))
        slots = sum(self._mended_slots(system, acts=acts) for system in self._systems())
        return Found(rows, unplaced, places, slots)

    def _rows(self, kind: Kind) -> Iterator[list[str]]:
        """The members whose rows there are."""
        start = f"{self._prefix}job:{kind}:"
        yield from pages((key.removeprefix(start) for key in self._keys(f"{start}*")), PAGE)

    def _lists(self, kind: Kind) -> Iterator[tuple[str, str, str]]:
        """Every list of a kind's jobs: its key, its state (none of a list by code) and its store."""
        for name in (*State, "recent", "code"):
            for key in self._keys(f"{self._prefix}{name}:{kind}:*"):
                system = key.split(":")[3]
                yield key, "" if name == "code" else name, system

    def _mended_places(self, kind: Kind, key: str, state: str, system: str, *, acts: bool) -> Iterator[int]:
        with available():
            entries = (str(member) for member, _ in self._client.zscan_iter(key, count=PAGE))
            for members in pages(entries, PAGE):
                args: list[str | int] = [self._prefix, kind, int(acts), state, system, *members]
                yield int(self._scripts.run(Effect.REPAIR_PLACES, [key], args))

    def _mended_slots(self, system: int, *, acts: bool) -> int:
        args: list[str | int] = [self._prefix, system, self._stores.of(system), int(acts), self._longest_call_ms]
        return int(self._scripts.run(Effect.REPAIR_STORE, [], args))

    def _systems(self) -> Sequence[int]:
        """Every store with places or slots, known or not."""
        names = {
            key.rpartition(":")[2] for name in ("admitted", "slots") for key in self._keys(f"{self._prefix}{name}:*")
        }
        return sorted(int(name) for name in names if name.isdecimal())

    def _keys(self, pattern: str) -> Iterator[str]:
        with available():
            found: Any = self._client.scan_iter(pattern, count=PAGE)
            yield from found
