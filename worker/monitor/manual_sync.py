"""Manual Sync: run customers by their ids, with a preview first, and follow exactly these."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

from tornado.web import authenticated

from worker.errors import LedgerUnavailable
from worker.ids import checked
from worker.monitor.page import SERVICE_UNAVAILABLE, Change, Page
from worker.preview_words import follow_up_in_words, write_in_words
from worker.screen import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tornado.httputil import HTTPFile

    from worker.connections import Connection
    from worker.errors import Failure
    from worker.preview import Preview

log = logging.getLogger(__name__)

SEE_OTHER, BAD_REQUEST = 303, 400
PREVIEWED: Final = 10
"""So many customers are previewed at once: each is read in iPaaS.com and in Stamped.io."""
MOST_IDS: Final = 100_000
LONGEST_NAME: Final = 60
BATCH: Final = r"/manual-sync/([A-Za-z0-9_-]{22})"


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
            self.show(Asked(asked.connection, asked.ids, asked.text, asked.debug, submission.faults(error, asked.ids)))
            return
        self.redirect(self.reverse_url("batch", submission.batch_id), status=SEE_OTHER)
