"""Whoever brings over the customers whom nothing triggers: a person who runs an initialize, and beat's catch-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.app import app
from worker.by_hand.initialize import go_on
from worker.jobs.errors import LedgerUnavailable, SyncError
from worker.jobs.job import Job, Kind
from worker.jobs.progress import Selection, TakenOver

if TYPE_CHECKING:
    from tests.simulation.listing import Listing
    from tests.simulation.stage import Stage
    from worker.ledger import Ledger
    from worker.sync.initialize import Step


class Load:
    """An initialize of one store, which is run again until it has ended."""

    def __init__(self, stage: Stage, listing: Listing, ledger: Ledger, system_id: int) -> None:
        self._stage = stage
        self._listing = listing
        self._ledger = ledger
        self._system_id = system_id
        self.is_under_way = False
        """Whether it has begun and has not ended yet."""

    def run(self) -> None:
        """Begin it or go on with it; the code of a process."""
        if not self.is_under_way:
            self._listing.watch()
            self.is_under_way = True
        try:
            progress = self._ledger.progress.begin(self._system_id, Selection.ALL)
            for step in go_on(app.runtime, progress, self._rest, sleep=self._stage.sleep):
                if step.place.has_ended:
                    self._end(step)
        except LedgerUnavailable:
            raise
        except (SyncError, TakenOver) as error:
            self._stage.note(f"ends before its time: {error!r}")

    def _rest(self, error: SyncError, seconds: float) -> None:
        self._stage.note(f"meets {error!r}")
        self._stage.sleep(seconds)

    def _end(self, step: Step) -> None:
        self.is_under_way = False
        self._stage.note(f"has asked for {step.progress.requested} in {step.place.reading} readings")
        jobs = [Job(Kind.CUSTOMER, self._system_id, each) for each in sorted(self._listing.always)]
        actor, self._stage.actor = self._stage.actor, None
        missing = [job.customer_id for job, held in zip(jobs, self._ledger.records(jobs), strict=True) if held is None]
        self._stage.actor = actor
        if missing and step.place.is_complete:
            self._stage.violated(f"left out by an initialize: {missing}")
