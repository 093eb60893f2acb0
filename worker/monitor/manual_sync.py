"""Manual Sync: run customers by their ids, with a preview first, and follow exactly these."""

from __future__ import annotations

import io
import logging
import uuid
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from tornado.web import authenticated

from tasks.upkeep import run_again
from worker.errors import Concerns, LedgerUnavailable, SyncError
from worker.ids import checked, in_lines
from worker.job import Job, Kind
from worker.monitor.page import SERVICE_UNAVAILABLE, Change, Page
from worker.pages import pages
from worker.preview import preview
from worker.preview_words import follow_up_in_words, write_in_words
from worker.screen import counted, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tornado.httputil import HTTPFile

    from worker.connections import Connection
    from worker.errors import Failure
    from worker.ids import Given
    from worker.ledger import Ledger
    from worker.preview import Preview
    from worker.runtime import Runtime

log = logging.getLogger(__name__)

SEE_OTHER, BAD_REQUEST = 303, 400
PREVIEWED: Final = 10
"""So many customers are previewed at once: each is read in iPaaS.com and in Stamped.io."""
MOST_IDS: Final = 100_000
LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form was filled in with."""

    connection: Connection | None = None
    ids: list[str] = field(default_factory=list)
    text: str = ""
    """What stands in the field for the ids."""
    debug: bool = False
    faults: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, connection: Connection | None, pasted: str, files: Sequence[HTTPFile], *, debug: bool = False
    ) -> Asked:
        """What was given, with everything that is wrong with it."""
        sources = [
            ("pasted", pasted.encode()),
            *((shortened(each.filename, LONGEST_NAME), each.body) for each in files),
        ]
        found = checked(chain.from_iterable(_in_text(body, name) for name, body in sources))
        faults = list(found.faults)
        if found.faults_left_out:
            faults.append(f"… and {found.faults_left_out:,} more")
        if connection is None:
            faults.insert(0, "Choose a connection.")
        if not found.ids and not found.faults:
            faults.append("There is no id in what was given.")
        if len(found.ids) > MOST_IDS:
            faults.append(
                f"{len(found.ids):,} ids are more than this page takes at once, {MOST_IDS:,}. "
                "Split them, or use `stamped-sync sync --file`."
            )
        return cls(connection, found.ids, pasted if faults else "\n".join(found.ids), debug, tuple(faults))


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a transfer of one customer would do, or the error that it would end with; neither where it was not read."""

    customer_id: str
    planned: Preview | None = None
    failure: Failure | None = None


class _FormPage(Page):
    """The page with the form."""

    def show(self, asked: Asked, previews: Sequence[Previewed] = ()) -> None:
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

    @authenticated
    async def get(self) -> None:
        """Go to the form: somebody has loaded the answer's address."""
        self.redirect(self.reverse_url("manual-sync"), status=SEE_OTHER)

    async def asked(self) -> Asked:
        """What the form was filled in with, the answer's status set where that can't be done."""
        systems = {str(each.system_id): each for each in self.runtime.connections}
        asked = await self.aside(
            Asked.read,
            systems.get(self.get_body_argument("system", "")),
            self.get_body_argument("ids", ""),
            self.request.files.get("file", []),
            debug=bool(self.get_body_argument("debug", "")),
        )
        if asked.faults:
            self.set_status(BAD_REQUEST)
        return asked


class PreviewPage(_FormAnswer):
    """Preview."""

    @authenticated
    async def post(self) -> None:
        """Show what would be done with the first of the ids; nothing is written."""
        asked = await self.asked()
        previews: list[Previewed] = []
        if asked.connection and not asked.faults:
            previews = await self.aside(previewed, self.runtime, asked.connection, asked.ids[:PREVIEWED])
        self.show(asked, previews)


class SubmitBatch(_FormAnswer):
    """Submit."""

    @authenticated
    async def post(self) -> None:
        """Put the jobs into the ledger and go to their progress."""
        asked = await self.asked()
        if asked.faults or asked.connection is None:
            self.show(asked)
            return
        submission = Submission(self.ledger, asked.connection.system_id)
        try:
            await self.aside(submission.submit, asked.ids, debug=asked.debug)
        except LedgerUnavailable as error:
            self.set_status(SERVICE_UNAVAILABLE)
            self.show(replace(asked, faults=submission.faults(error, len(asked.ids))))
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


def previewed(runtime: Runtime, connection: Connection, ids: Sequence[str]) -> list[Previewed]:
    """What a transfer of each customer would do; those behind an error that is not one customer's are not read."""
    source, store = runtime.source(connection.system_id, str(uuid.uuid4())), runtime.store(connection.system_id)
    found: list[Previewed] = []
    for customer_id in ids:
        try:
            found.append(Previewed(customer_id, preview(customer_id, connection.mapping, source, store)))
        except SyncError as error:
            found.append(Previewed(customer_id, failure=error.failure))
            if error.entry.concerns is not Concerns.DATA:
                break
    return [*found, *(Previewed(each) for each in ids[len(found) :])]


def _in_text(body: bytes, name: str) -> Iterator[Given]:
    """The ids in a list, read as the command line reads a file."""
    return in_lines(io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", errors="replace"), name)
