"""One group of failed jobs: by what the API said, each job with its message, and what is done about some of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from tornado.web import HTTPError, authenticated

from worker.handover import run_in_batch
from worker.jobs.asking import Asker, Source
from worker.jobs.job import CUSTOMER_ID, Job, Kind, State
from worker.ledger.views.activity import Filter
from worker.monitor.address import number_of
from worker.monitor.change import ChangePage
from worker.monitor.group_changes import LONGEST_REASON, NO_REASON, Verb
from worker.monitor.page import NOT_FOUND, Page
from worker.presentation.messages import SubGroup, sub_groups
from worker.presentation.wording import counted
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.ledger import Ledger, Record
    from worker.ledger.views.activity import Group

log = logging.getLogger(__name__)

READ_AT_MOST: Final = 2_000
"""How many failed jobs of a group the page looks at: the newest."""
ROWS_PER_PAGE: Final = 50
ADDRESS: Final = rf"/error-logs/({'|'.join(Kind)})/({CUSTOMER_ID.pattern})/([a-z0-9-]{{1,64}})"
NOTHING_CHOSEN: Final = "No job was chosen, so nothing was changed. Go back and tick some."
TOO_MANY: Final = f"More than {ROWS_PER_PAGE} jobs were sent, which is more than the page shows. Nothing was changed."
NOT_FAILED: Final = "None of these jobs is still failed with this error. Nothing was changed."
NO_GROUP: Final = "No job of this connection has this error, or not any more. Nothing was noted."
TOO_LONG: Final = f"The note has more than {LONGEST_REASON} characters. Nothing was changed."
NO_VERB: Final = "The form says neither to re-run nor to discard. Load the page again and repeat it."


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    group: Group | None
    """None if none of its jobs is failed any more."""
    kind: Kind
    system_id: int
    code: str
    sub_groups: Sequence[SubGroup]
    chosen: SubGroup | None
    """The one whose jobs are shown; None for all."""
    records: list[Record]
    read: int
    """How many jobs were looked at."""
    page: int
    pages: int
    connection: str


class GroupPage(Page):
    """The group."""

    @authenticated
    async def get(self, kind: str, system_id: str, code: str) -> None:
        """Show it, or one of its sub-groups."""
        address = self.address("message", "page")
        message, given = address.text("message"), address.count("page")
        page = 1 if given is None else given
        shown = await self.aside(self._read, Filter(int(system_id), Kind(kind), State.FAILED, code), message, page)
        if message and not shown.chosen:
            address.wrong("message", "no job of this group has it, or not any more, so all of them are shown")
        if shown.page != page:
            address.wrong("page", f"there is no page {page}, so this is page {shown.page}")
        self.render_page("group.html", "error-logs", shown=shown, longest=LONGEST_REASON, faults=address.faults)

    def _read(self, wanted: Filter, message: str, page: int) -> Shown:
        activity = self.ledger.activity
        found = activity.page(wanted, size=READ_AT_MOST).records
        groups = sub_groups(found)
        chosen = next((each for each in groups if each.key == message), None)
        records = chosen.records if chosen else found
        pages = max(-(-len(records) // ROWS_PER_PAGE), 1)
        page = max(min(page, pages), 1)
        system_id, kind = wanted.system_id or 0, wanted.kind or Kind.CUSTOMER
        return Shown(
            group=group_of(self.ledger, kind, system_id, wanted.code),
            kind=kind,
            system_id=system_id,
            code=wanted.code,
            sub_groups=groups,
            chosen=chosen,
            records=records[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE],
            read=len(found),
            page=page,
            pages=pages,
            connection=self.names.get(system_id, ""),
        )


def group_of(ledger: Ledger, kind: Kind, system_id: int, code: str) -> Group | None:
    """A group of failed jobs as it stands; None if none of its jobs is failed any more."""
    meant = (kind, system_id, code)
    return next((each for each in ledger.activity.groups() if (each.kind, each.system_id, each.code) == meant), None)


class ChosenChange(ChangePage):
    """Re-run or discard the jobs that were ticked, as far as they are still failed with the same error."""

    async def change(self, kind: str, system_id: str, code: str) -> None:
        """Do it; a re-run leads to its progress."""
        ids = self.get_body_arguments("job")
        if not ids:
            raise HTTPError(HTTPStatus.BAD_REQUEST, NOTHING_CHOSEN)
        if len(ids) > ROWS_PER_PAGE:
            raise HTTPError(HTTPStatus.BAD_REQUEST, TOO_MANY)
        jobs = [Job.read(kind, system_id, each) for each in ids]
        verb = self.get_body_argument("verb", "")
        if verb == Verb.RERUN:
            self.runtime.connection(int(system_id))
            self.go_to("batch", await self.in_lane(self.lanes.changes, lambda: self._rerun(jobs, code)))
        elif verb == Verb.DISCARD:
            count = await self.in_lane(self.lanes.changes, partial(self._discard, jobs, code, self._given_reason()))
            self.go_to("error-logs", query=f"?discarded={count}")
        else:
            raise HTTPError(HTTPStatus.BAD_REQUEST, NO_VERB)

    def _rerun(self, jobs: Sequence[Job], code: str) -> str:
        """Ask for those that are still meant, as a batch, its id. Raises HTTPError 400 if there are none."""
        records = self.ledger.records(jobs)
        meant = [each.job for each in records if each and each.state is State.FAILED and each.code == code]
        if not meant:
            raise HTTPError(HTTPStatus.BAD_REQUEST, NOT_FAILED)
        batch_id, count = run_in_batch([meant], self.ledger, Asker(Source.RERUN, self.user))
        words = counted(count, f"{jobs[0].kind} job")
        log.info("connection %d: %s run again, as somebody asked in Error Logs", jobs[0].system_id, words)
        return batch_id

    def _discard(self, jobs: Sequence[Job], code: str, reason: str) -> int:
        count = self.ledger.discard_all(jobs, Asker(Source.PERSON, self.user), reason, code=code)
        facts = {"outcome": "discarded", "code": code, "count": count}
        words = counted(count, f"{jobs[0].kind} job")
        log.info("connection %d: %s discarded: %s", jobs[0].system_id, words, reason, extra=facts)
        return count

    def _given_reason(self) -> str:
        """Why, masked. Raises HTTPError 400 if there is no reason, or one that is too long."""
        reason = self.get_body_argument("reason", "").strip()
        if not reason or len(reason) > LONGEST_REASON:
            raise HTTPError(HTTPStatus.BAD_REQUEST, NO_REASON)
        return masked(reason)


class Acknowledge(ChangePage):
    """Note that somebody knows of a group, with what they say of it; or withdraw that."""

    async def change(self, kind: str, system_id: str, code: str) -> None:
        """Do it."""
        text = self.get_body_argument("text", "").strip()
        if len(text) > LONGEST_REASON:
            raise HTTPError(HTTPStatus.BAD_REQUEST, TOO_LONG)
        withdraws = bool(self.get_body_argument("withdraw", ""))
        asker = Asker(Source.PERSON, self.user)
        about = Kind(kind), int(system_id), code
        if withdraws:
            await self.aside(self.ledger.withdraw, *about, asker)
        elif not await self.aside(lambda: group_of(self.ledger, *about)):
            raise HTTPError(NOT_FOUND, NO_GROUP)
        else:
            await self.aside(self.ledger.acknowledge, *about, asker, masked(text))
        self.go_to("group", kind, system_id, code)


class Dismiss(ChangePage):
    """Forget the refused notifications of one code, connection and scope that were shown."""

    async def change(self) -> None:
        """Do it with those that were there when the page was shown."""
        code, system, scope = (self.get_body_argument(name, "") for name in ("code", "system", "scope"))
        until = number_of(self.get_body_argument("until", "")) or 0
        count = await self.aside(self._dismiss, code, system, scope, until)
        self.go_to("error-logs", query=f"?dismissed={count}#refused")

    def _dismiss(self, code: str, system: str, scope: str, until: int) -> int:
        ledger = self.ledger
        found = [
            each
            for each in ledger.refusals(limit=ledger.refused().listed)
            if (each.code, each.system_id, each.scope) == (code, system, scope)
            and each.at
            and each.at.timestamp() * 1000 <= until
        ]
        return ledger.dismiss(found, Asker(Source.PERSON, self.user)) if found else 0
