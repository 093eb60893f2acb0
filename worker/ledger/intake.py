"""The ledger as an initialize sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.jobs.asking import Asker, Source
from worker.jobs.job import Job, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.progress import Known, Progress
    from worker.ledger.ledger import Ledger

BY_INITIALIZE: Final = Asker(Source.INITIALIZE)


@dataclass(frozen=True)
class LedgerIntake:
    """The ledger as an initialize sees it: see `worker.sync.ports.Intake`. All raise LedgerUnavailable."""

    ledger: Ledger
    system_id: int
    asker: Asker = BY_INITIALIZE

    def backlog(self) -> int:
        """How many of the store's jobs wait for their turn."""
        return self.ledger.backlog(self.system_id)

    def look(self, progress: Progress, customer_ids: Sequence[str]) -> Known:
        """What is known of some customers."""
        return self.ledger.progress.look(progress, {each: self.ledger.key(self._job(each)) for each in customer_ids})

    def request(self, customer_ids: Sequence[str]) -> None:
        """Ask for customers, behind whatever triggers ask for."""
        self.ledger.request_all([self._job(each) for each in customer_ids], self.asker)

    def advance(self, progress: Progress, met: Sequence[str], *, ended: bool) -> Progress:
        """Note how far it has come, and whom it has met since. Raises TakenOver."""
        return self.ledger.progress.advance(progress, met, ended=ended)

    def _job(self, customer_id: str) -> Job:
        return Job(Kind.CUSTOMER, self.system_id, customer_id)
