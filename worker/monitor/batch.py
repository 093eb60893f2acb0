"""The progress of a Manual Sync: what has come of exactly the customers that were asked for together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from tornado.web import HTTPError, authenticated

from worker.handover import run_in_batch
from worker.jobs.asking import Asker, Source
from worker.jobs.job import Action, Kind, State, pages
from worker.monitor.change import ChangePage
from worker.monitor.page import NOT_FOUND, Page
from worker.presentation.figures import NO_WORKER, PATIENCE_SECONDS, seems_idle
from worker.presentation.ids import dropped_in_words
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from worker.ledger import Hold, Record
    from worker.ledger.batches import Batch

log = logging.getLogger(__name__)

ADDRESS: Final = r"/manual-sync/([A-Za-z0-9_-]{22})"
NO_FAILED: Final = "None of these jobs is failed, or not any more. Nothing was changed."


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    batch_id: str
    batch: Batch
    jobs: list[Record]
    """Those of its jobs that have failed or rest, as they stand now; at most a page."""
    hold: Hold | None
    connection: str
    no_worker: str
    """What is said if no worker seems to run; empty if one does."""

    @property
    def is_under_way(self) -> bool:
        """Whether the page is worth looking at again in a moment."""
        return self.batch.remaining > 0

    @property
    def percent(self) -> int:
        """How much of it has ended; 100 only at the end."""
        return 100 * self.batch.ended // self.batch.total if self.batch.total else 0

    @property
    def tiles(self) -> list[tuple[str, str, int]]:
        """The counts that are always shown: what they count, their class and their number."""
        counts = self.batch.counts
        return [
            ("under way", "count-running", self.batch.remaining),
            ("created", "count-done", counts[Action.CREATED]),
            ("updated", "count-done", counts[Action.UPDATED]),
            ("subscribed", "count-done", counts[Action.SUBSCRIBED]),
            ("unsubscribed", "count-done", counts[Action.UNSUBSCRIBED]),
            ("failed", "count-failed" if counts["failed"] else "", counts["failed"]),
        ]


class BatchPage(Page):
    """One batch."""

    @authenticated
    async def get(self, batch_id: str) -> None:
        """Show how far it has come."""
        shown = await self.aside(self._read, batch_id)
        if shown is None:
            raise HTTPError(
                NOT_FOUND, "There is no such Manual Sync, or it is older than a day. Activity has its jobs."
            )
        tab = "error-logs" if shown.batch.source is Source.RERUN else "manual-sync"
        self.render_page("progress.html", tab, shown=shown, states=list(State), dropped_in_words=dropped_in_words)

    def _read(self, batch_id: str) -> Shown | None:
        batch = self.ledger.batches.look(batch_id)
        if batch is None:
            return None
        connection = self.runtime.connections.get(batch.system_id)
        records = self.ledger.records(batch.shown)
        return Shown(
            batch_id=batch_id,
            batch=batch,
            jobs=[record for record in records if record],
            hold=self.ledger.hold_of(batch.system_id) if batch.remaining else None,
            connection=connection.title if connection else "",
            no_worker=NO_WORKER if _has_stalled(batch) and seems_idle(map(self.ledger.counts, Kind)) else "",
        )


class RerunBatch(ChangePage):
    """Re-run these: the jobs of a batch that have failed."""

    async def change(self, batch_id: str) -> None:
        """Do it, and show how they end."""
        self.go_to("batch", await self.in_lane(self.lanes.changes, lambda: self._rerun(batch_id)))

    def _rerun(self, batch_id: str) -> str:
        """Ask for them as a batch of their own, its id. Raises HTTPError 400 if there are none."""
        failed = self.ledger.batches.failed(batch_id)
        if not failed:
            raise HTTPError(HTTPStatus.BAD_REQUEST, NO_FAILED)
        system_id = failed[0].system_id
        self.runtime.connection(system_id)
        again, count = run_in_batch(pages(failed), self.ledger, Asker(Source.RERUN, self.user))
        log.info("connection %d: %s run again, as somebody asked on their page", system_id, counted(count, "job"))
        return again


def _has_stalled(batch: Batch) -> bool:
    """Whether none of the jobs has ended for a while since the batch began."""
    patience = timedelta(seconds=PATIENCE_SECONDS)
    return not batch.ended and batch.begun_at is not None and datetime.now(UTC) - batch.begun_at >= patience
