"""Finds failed jobs in the ledger."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from worker.job import Kind
from worker.ledger import Record, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.ledger import Ledger, Refusal

EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Selection:
    """Which failed jobs are meant; what is not given does not matter."""

    customer_ids: frozenset[str] = field(default=frozenset())
    code: str | None = None
    system_id: int | None = None
    kind: Kind | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is given."""
        return not (self.customer_ids or self.code or self.system_id is not None or self.kind)

    def jobs(self, ledger: Ledger) -> Iterator[Record]:
        """The failed jobs, of each kind the oldest first."""
        for kind in [self.kind] if self.kind else Kind:
            yield from filter(self._holds, ledger.in_state(State.FAILED, kind))

    def refuses(self, refusal: Refusal) -> bool:
        """Whether a refused notification is meant; it has no kind."""
        return (
            self.kind is None
            and self.code in (None, refusal.code)
            and (self.system_id is None or str(self.system_id) == refusal.system_id)
        )

    def _holds(self, record: Record) -> bool:
        return (
            (not self.customer_ids or record.job.customer_id in self.customer_ids)
            and (self.code is None or (record.failure is not None and record.failure.code == self.code))
            and self.system_id in (None, record.job.system_id)
        )


def newest(selection: Selection, ledger: Ledger, limit: int) -> tuple[list[Record], int]:
    """The jobs that failed last, newest first, and how many there are in all."""
    total = 0
    kept: list[Record] = []
    for kind in [selection.kind] if selection.kind else Kind:
        last: deque[Record] = deque(maxlen=limit)
        of_kind = Selection(selection.customer_ids, selection.code, selection.system_id, kind)
        for record in of_kind.jobs(ledger):
            last.append(record)
            total += 1
        kept.extend(last)
    kept.reverse()  # so that of two that failed at the same instant the later one comes first too
    kept.sort(key=lambda record: record.changed_at or EARLIEST, reverse=True)
    return kept[:limit], total
