"""Repair: compares all of the ledger's rows, lists, places and slots.

It finds also what no sweep would meet: a job whose place is in no list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.effects import Effect
from worker.jobs.job import Kind, State, pages
from worker.ledger import keys
from worker.ledger.keys import PREFIX
from worker.ledger.reading import Reading
from worker.ledger.scripting import available

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.ledger.scripting import Args, Scripts

REPAIRED_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """What a repair found, and mended if it was asked to."""

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


class Repairing(Reading):
    """What mends the whole ledger. All raise LedgerUnavailable."""

    _scripts: Scripts
    _lease_ms: int

    def repair(self, *, acts: bool) -> Found:
        """Look at everything; mend it if this `acts`. What is mended first is not found again."""
        rows = unplaced = places = 0
        for kind in Kind:
            for members in self._rows(kind):
                rows += len(members)
                unplaced += self._scripts.run(Effect.REPAIR_ROWS, [PREFIX, kind, int(acts), *members])
            for key, state, system in self._lists(kind):
                places += sum(self._mended_places(kind, key, state, system, acts=acts))
        slots = sum(self._mended_slots(system, acts=acts) for system in self._stores_with_places())
        return Found(rows, unplaced, places, slots)

    def _rows(self, kind: Kind) -> Iterator[list[str]]:
        """The members whose rows there are."""
        start = keys.of(keys.JOB, kind, "")
        yield from pages((key.removeprefix(start) for key in self._keys(f"{start}*")), REPAIRED_AT_ONCE)

    def _lists(self, kind: Kind) -> Iterator[tuple[str, str, str]]:
        """Every list of a kind's jobs: its key, its state (none of a list by code) and its store."""
        for name in (*State, keys.RECENT, keys.CODE):
            for key in self._keys(keys.of(name, kind, "*")):
                system = key.split(":")[3]
                yield key, "" if name == keys.CODE else name, system

    def _mended_places(self, kind: Kind, key: str, state: str, system: str, *, acts: bool) -> Iterator[int]:
        with available():
            entries = (str(member) for member, _ in self._client.zscan_iter(key, count=REPAIRED_AT_ONCE))
            for members in pages(entries, REPAIRED_AT_ONCE):
                args: Args = [PREFIX, kind, int(acts), state, system, *members]
                yield int(self._scripts.run(Effect.REPAIR_PLACES, args, keys=[key]))

    def _mended_slots(self, system: int, *, acts: bool) -> int:
        args: Args = [PREFIX, system, self._scripts.limits_of(system), int(acts), self._lease_ms]
        return int(self._scripts.run(Effect.REPAIR_STORE, args))

    def _stores_with_places(self) -> Sequence[int]:
        """Every store with places or slots, known or not."""
        patterns = keys.of(keys.ADMITTED, "*"), keys.of(keys.SLOTS, "*", "*")
        names = {key.rpartition(":")[2] for pattern in patterns for key in self._keys(pattern)}
        return sorted(int(name) for name in names if name.isdecimal())

    def _keys(self, pattern: str) -> Iterator[str]:
        with available():
            found: Any = self._client.scan_iter(pattern, count=REPAIRED_AT_ONCE)
            yield from found
