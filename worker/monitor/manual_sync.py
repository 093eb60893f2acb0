"""Manual Sync: preview customers by their ids, transfer them, and follow exactly these."""

from __future__ import annotations

import io
import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Final

from tornado.web import authenticated

from worker.by_hand.emails import LookUp
from worker.handover import run_all
from worker.jobs.asking import Asker, Source
from worker.jobs.errors import LedgerUnavailable, SyncError
from worker.jobs.job import PAGE, Job, Kind, pages
from worker.monitor.change import LARGEST_BYTES, MEGABYTE, ChangePage
from worker.monitor.page import Page
from worker.monitor.previews import PREVIEWED, Previewing, Previews
from worker.presentation.id_lists import in_lines
from worker.presentation.ids import (
    MOST_EMAILS,
    NOTHING_GIVEN,
    NOTHING_LOOKED_UP,
    UNDECODED,
    Checked,
    checked,
    dropped_in_words,
)
from worker.presentation.preview import follow_up_in_words, write_in_words
from worker.presentation.wording import counted, shortened
from worker.web.lanes import LaneFull

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from tornado.httputil import HTTPFile

    from worker.connections import Connection
    from worker.ledger import Ledger
    from worker.presentation.ids import Given, LookedUp

log = logging.getLogger(__name__)

MOST_IDS: Final = 100_000
LONGEST_NAME: Final = 60
"""Characters that are shown of a file's name."""
TOO_LONG: Final = (
    f"The list is longer than the {LARGEST_BYTES // MEGABYTE} MB that this page takes at once. Split it, or use "
    "`stamped-sync sync --file`, which takes one of any length."
)
TOO_MANY: Final = (
    "{0:,} ids are more than the {1:,} that this page takes at once. Split them, or use `stamped-sync sync --file`."
)
LOOK_UP_SECONDS: Final = 30.0
"""After this time the look-up of e-mail addresses is given up."""
PATIENCE_SECONDS: Final = 20.0
"""How long it waits for slots of the throttle in all: less, so that whoever waits learns why."""
NOT_LOOKED_UP: Final = "The e-mail addresses could not be looked up, and nothing was requested. {0}"
LATE: Final = (
    "Only {0:,} of {1:,} e-mail addresses could be looked up in {2:.0f} seconds, and nothing was requested. Give fewer "
    "at once, or give ids."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form was filled in with."""

    connection: Connection | None = None
    given: Checked = NOTHING_GIVEN
    pasted: str = field(default="", repr=False)
    debug: bool = False
    ids: list[str] = field(default_factory=list)
    """Of those who are named, each once."""
    dropped: int = 0
    """How many entries named a customer again."""
    text: str = field(default="", repr=False)
    """What stands in the field for the ids: what was pasted, or the ids in its place once nothing is wrong."""
    faults: tuple[str, ...] = ()
    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    """With which it is refused, if it has faults."""

    @classmethod
    def read(
        cls, connection: Connection | None, pasted: str, files: Sequence[HTTPFile], *, debug: bool = False
    ) -> Asked:
        """What was filled in, with everything that is wrong with it, but for what looking addresses up will show."""
        lists = [(shortened(each.filename, LONGEST_NAME), each.body) for each in files]
        lists.insert(0, ("Customer IDs", pasted.encode()))
        given = checked(chain.from_iterable(_ids_in(body, name) for name, body in lists))
        return cls(connection, given, pasted, debug).judged()

    def judged(self, found: LookedUp = NOTHING_LOOKED_UP) -> Asked:
        """The same with what came of the addresses, and with everything that is wrong."""
        given, count = self.given, len(self.given.entries)
        faults = ([] if self.connection else ["Choose a connection."]) + [*given.faults]
        if given.faults_left_out:
            faults.append(f"… and {given.faults_left_out:,} more")
        if not given.entries and not given.faults:
            faults.append("There is no id in what was given.")
        if count > MOST_IDS:
            faults.append(TOO_MANY.format(count, MOST_IDS))
        faults += found.faults
        ids = given.ids(found)
        is_clear = not faults and len(found.ids) == len(given.to_look_up)
        text = "\n".join(ids) if is_clear else self.pasted
        return replace(self, ids=ids, dropped=given.dropped(ids), text=text, faults=tuple(faults))


def _ids_in(body: bytes, name: str) -> Iterator[Given]:
    """The ids in a list, which is read as the command line reads a file."""
    return in_lines(io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", errors=UNDECODED), name)


def _judged(asked: Asked, look_up: LookUp) -> Asked:
    return asked.judged(look_up.run())


class ManualSyncPage(Page):
    """The form."""

    @authenticated
    async def get(self) -> None:
        """Show it empty."""
        self.show(Asked())

    def show(self, asked: Asked, previews: Previews = Previews()) -> None:  # noqa: B008 - frozen
        """Show it filled in, and what a preview found."""
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
            most_emails=MOST_EMAILS,
            dropped=dropped_in_words(asked.dropped) if previews.total and asked.dropped else "",
        )


class _FormAnswer(ChangePage, ManualSyncPage):
    """The answer to the form that was sent."""

    answer: Callable[[Asked, Connection], Awaitable[None]]
    """Does what was asked for. Raises LaneFull."""

    async def form(self, *_: str) -> None:
        """Go to the form, as somebody has loaded the address of the answer."""
        self.go_to("manual-sync")

    async def change(self) -> None:
        """Do what was asked for, or show the form with everything that is wrong with it."""
        asked = await self.in_lane(self.lanes.forms, self._asked)
        if asked.connection and asked.given.to_look_up:
            asked = await self._looked_up(asked, asked.connection)
        if asked.faults or asked.connection is None:
            self.refuse(asked.status, asked)
            return
        try:
            await self.answer(asked, asked.connection)
        except LaneFull as full:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, asked, str(full))

    async def _looked_up(self, asked: Asked, connection: Connection) -> Asked:
        """The same with the ids of those whose e-mail addresses are given, or with the fault why there are none."""
        emails = asked.given.to_look_up
        look_up = LookUp(self.runtime, connection.system_id, emails, PATIENCE_SECONDS)
        try:
            return await self.in_lane(self.lanes.look_ups, partial(_judged, asked, look_up), seconds=LOOK_UP_SECONDS)
        except TimeoutError:
            faults = [LATE.format(look_up.done, len(emails), LOOK_UP_SECONDS)]
        except LaneFull as full:
            faults = [str(full)]
        except SyncError as error:
            faults = [NOT_LOOKED_UP.format(error.failure.message), error.entry.resolution]
        finally:
            look_up.stop()
        return replace(asked, faults=(*asked.faults, *faults), status=HTTPStatus.SERVICE_UNAVAILABLE)

    def refuse(self, status: HTTPStatus, asked: Asked, *faults: str) -> None:
        """Show the form again with what is wrong."""
        self.set_status(status)
        self.show(replace(asked, faults=asked.faults + faults))

    def refuse_size(self) -> None:
        """Explain that the list is too long, and how to transfer its customers nevertheless."""
        self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Asked(), TOO_LONG)

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
        asker = Asker(Source.MANUAL_SYNC, self.user)
        submission = Submission(self.ledger, connection.system_id, asker, dropped=asked.dropped)
        lane = self.lanes.pages if len(asked.ids) <= PAGE else self.lanes.changes
        try:
            await self.in_lane(lane, partial(submission.submit, asked.ids, debug=asked.debug))
        except LedgerUnavailable as error:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, asked, str(error), submission.so_far(len(asked.ids)))
            return
        self.go_to("batch", submission.batch_id)


class Submission:
    """Puts customers into the ledger as one batch."""

    def __init__(self, ledger: Ledger, system_id: int, asker: Asker, *, dropped: int = 0) -> None:
        """`dropped`: how many entries named a customer again; the progress says so."""
        self._ledger = ledger
        self._system_id = system_id
        self._asker = asker
        self._dropped = dropped
        self._requested = 0
        self.batch_id = ""

    def submit(self, ids: Sequence[str], *, debug: bool) -> None:
        """Request all of them, a page at a time. Raises LedgerUnavailable."""
        self.batch_id = self._ledger.batches.begin(self._system_id, dropped=self._dropped)
        try:
            for page in pages(ids):
                jobs = [Job(Kind.CUSTOMER, self._system_id, each) for each in page]
                versions = run_all(jobs, self._ledger, self._asker, debug=debug)
                self._requested += len(versions)
                self._ledger.batches.add(self.batch_id, versions)
        finally:
            customers = counted(self._requested, "customer")
            facts = {"outcome": "requested", "count": self._requested}
            log.info("connection %d: %s requested in Manual Sync", self._system_id, customers, extra=facts)

    def so_far(self, total: int) -> str:
        """How many were requested before Redis went away, and what to do about the others."""
        done = f"{self._requested:,} of {total:,} customers were requested for certain. "
        return f"{done}Submit the same list again for the others: requesting a customer twice does no harm."
