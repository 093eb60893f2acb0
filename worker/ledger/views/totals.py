"""The counts that only grow, and what follows from them: what was refused, and what has vanished.

They are the hash <prefix>totals: names and labels joined by |. Besides those of the metrics it holds
  refused|<code>             notifications that were not accepted
  born|<kind>|<system_id>    jobs whose row was made
  gone|<kind>|<system_id>    jobs whose row was forgotten or discarded
  vanished|<kind>            index entries that a script found without their row
A ledger that an earlier release wrote has none of these four.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.jobs.job import Kind

Totals = dict[tuple[str, ...], int]
"""The counts by name and labels."""


def read_totals(fields: Mapping[str, str]) -> Totals:
    """The counts in the hash."""
    return {tuple(name.split("|")): int(count) for name, count in fields.items()}


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many notifications were refused."""

    by_code: dict[str, int]
    """Of those since they are counted; empty in a ledger that an earlier release wrote."""
    listed: int
    """How many of them are kept, to be read one by one."""

    @classmethod
    def read(cls, totals: Totals, listed: int) -> Refusals:
        """The refusals among the counts."""
        counts = {name[1]: count for name, count in totals.items() if name[0] == "refused" and len(name) > 1}
        return cls(counts, listed)

    @property
    def count(self) -> int:
        """How many there were; of those before they were counted, as many as are kept."""
        return max(sum(self.by_code.values()), self.listed)


@dataclass(frozen=True, slots=True)
class Presence:
    """How many jobs of one kind and store must be in Redis, and how many are."""

    expected: int
    """Those that were born and are not gone."""
    present: int
    """Those that are in the index."""

    @property
    def vanished(self) -> int:
        """How many are not there though nobody forgot them: Redis evicted them, or somebody cleared it."""
        return max(self.expected - self.present, 0)


def met_without_row(totals: Totals, kind: Kind) -> int:
    """How many index entries of a kind the scripts found without their row."""
    return totals.get(("vanished", kind), 0)
