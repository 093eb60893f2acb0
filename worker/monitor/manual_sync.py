"""Manual Sync: run customers by their ids, with a preview first, and follow exactly these."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tornado.web import authenticated

from tasks.upkeep import run_again
from worker.jobs.errors import LedgerUnavailable
from worker.jobs.job import Job, Kind
from worker.jobs.pages import PAGE, pages
from worker.monitor.asked import MOST_IDS, Asked
from worker.monitor.change import LARGEST_BYTES, MEGABYTE, TOO_LARGE, Change
from worker.monitor.lanes import LaneFull
from worker.monitor.page import SERVICE_UNAVAILABLE, Page
from worker.monitor.previews import PREVIEWED, Previewing, Previews
from worker.presentation.preview import follow_up_in_words, write_in_words
from worker.presentation.screen import counted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from worker.connections import Connection
    from worker.ledger import Ledger

log = logging.getLogger(__name__)

SEE_OTHER, BAD_REQUEST = 303, 400
TOO_LONG: Final = (
    f"The list is longer than the {LARGEST_BYTES // MEGABYTE} MB that this page takes at once. Split it, or use "
    "`stamped-sync sync --file`, which takes one of any length."
)


class _FormPage(Page):
    """The page with the form."""

    def show(self, asked: Asked, previews: Previews = Previews()) -> None:  # noqa: B008 - frozen
        """Show the form, filled in, and what a preview found."""
        self.render_page(
            "manual-sync.html",
            "manual-sync",
            asked=asked,
            previews=previews,
            connections=list(self.runtime.connections),
            write_in_words=write_in_words,
            follow_up_in_words=follow_up_in_words,
            most_ids=MOST_IDS,
            largest=LARGEST_BYTES,
            previewed=PREVIEWED,
        )


class ManualSyncPage(_FormPage):
    """The form."""

    @authenticated
    async def get(self) -> None:
        """Show it."""
        self.show(Asked())


class _FormAnswer(_FormPage, Change):
    """What happens when the form is sent."""

    async def form(self) -> None:
        """Go to the form: somebody has loaded the answer's address."""
        self.redirect(self.reverse_url("manual-sync"), status=SEE_OTHER)

    async def change(self) -> None:
        """Do what was asked for, or show the form with everything that is wrong with it."""
        asked = await self.in_lane(self.lanes.forms, self._asked)
        if asked.faults or asked.connection is None:
            self.refuse(BAD_REQUEST, asked)
            return
        try:
            await self.answer(asked, asked.connection)
        except LaneFull as full:
            self.refuse(SERVICE_UNAVAILABLE, replace(asked, faults=(str(full),)))

    answer: Callable[[Asked, Connection], Awaitable[None]]
    """Does what was asked for. Raises LaneFull."""

    def refuse(self, status: int, asked: Asked) -> None:
        """Show the form again with what is wrong."""
        self.set_status(status)
        self.show(asked)

    def refuse_size(self) -> None:
        """Say that the list is too long, and how it can be brought over all the same."""
        self.refuse(TOO_LARGE, Asked(faults=(TOO_LONG,)))

    def _asked(self) -> Asked:
        systems = {str(each.system_id): each for each in self.runtime.connections}
        return Asked.read(
            systems.get(self.get_body_argument("system", "")),
            self.get_body_argument("ids", ""),
            self.request.files.get("file", []),
            debug=bool(self.get_body_argument("debug", "")),
        )


class PreviewPage(_FormAnswer):
    """Preview."""

    async def answer(self, asked: Asked, connection: Connection) -> None:
        """Show what would be done with the first of the ids; nothing is written."""
        previewing = Previewing(self.runtime, connection, asked.ids[:PREVIEWED])
        try:
            with suppress(TimeoutError):
                await self.in_lane(self.lanes.previews, previewing.run, seconds=previewing.seconds)
        finally:
            previewing.stop()
        self.show(asked, previewing.found())


class SubmitBatch(_FormAnswer):
    """Submit."""

    async def answer(self, asked: Asked, connection: Connection) -> None:
        """Put the jobs into the ledger and go to their progress."""
        submission = Submission(self.ledger, connection.system_id)
        lane = self.lanes.pages if len(asked.ids) <= PAGE else self.lanes.changes
        try:
            await self.in_lane(lane, partial(submission.submit, asked.ids, debug=asked.debug))
        except LedgerUnavailable as error:
            self.refuse(SERVICE_UNAVAILABLE, replace(asked, faults=submission.faults(error, len(asked.ids))))
            return
        self.redirect(self.reverse_url("batch", submission.batch_id), status=SEE_OTHER)


class Submission:
    """Puts customers into the ledger as one batch."""

    def __init__(self, ledger: Ledger, system_id: int) -> None:
        self._ledger = ledger
        self._system_id = system_id
        self._requested = 0
        self.batch_id = ""

    def submit(self, ids: Sequence[str], *, debug: bool) -> None:
        """Ask for all of them, a page at a time. Raises LedgerUnavailable."""
        self.batch_id = self._ledger.batches.begin(self._system_id)
        try:
            for page in pages(ids):
                versions = run_again([Job(Kind.CUSTOMER, self._system_id, each) for each in page], debug=debug)
                self._requested += len(versions)
                self._ledger.batches.add(self.batch_id, {job.customer_id: each for job, each in versions.items()})
        finally:
            asked = counted(self._requested, "customer")
            facts = {"outcome": "requested", "count": self._requested}
            log.info("connection %d: %s requested in Manual Sync", self._system_id, asked, extra=facts)

    def faults(self, error: LedgerUnavailable, total: int) -> tuple[str, ...]:
        """What to tell where Redis went away in the middle of it."""
        done = f"{self._requested:,} of {total:,} customers were requested for certain. "
        return str(error), f"{done}Submit the same again for the others: to ask twice does no harm."
