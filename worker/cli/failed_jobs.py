"""Finds failed jobs in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.jobs.job import State
from worker.ledger.activity import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.jobs.job import Kind
    from worker.ledger import Ledger, Record, Refusal

PAGE = 500


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
        """The failed jobs, newest first; those of customers that are named, customer by customer."""
        for wanted in self._filters():
            begins = ""
            while True:
                page = ledger.activity.page(wanted, begins, PAGE)
                yield from page.records
                if not (begins := page.next):
                    break

    def refuses(self, refusal: Refusal) -> bool:
        """Whether a refused notification is meant; it has no kind."""
        return (
            self.kind is None
            and self.code in (None, refusal.code)
            and (self.system_id is None or str(self.system_id) == refusal.system_id)
        )

    def _filters(self) -> Iterator[Filter]:
        for customer_id in sorted(self.customer_ids) or [""]:
            yield Filter(self.system_id, self.kind, State.FAILED, self.code or "", customer_id)


def newest(selection: Selection, ledger: Ledger, limit: int) -> tuple[list[Record], int]:
    """The jobs that failed last, newest first, and how many there are in all; no customer is named."""
    wanted = Filter(selection.system_id, selection.kind, State.FAILED, selection.code or "")
    return ledger.activity.page(wanted, size=limit).records, ledger.activity.count(wanted)
