"""A job's page: where it stands, what went wrong, and every attempt with the calls it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from tornado.web import HTTPError, authenticated

from worker.jobs.job import CUSTOMER_ID, Job, Kind, State
from worker.monitor.page import NOT_FOUND, Page
from worker.presentation.events import WITHOUT_ATTEMPT, without_attempt

if TYPE_CHECKING:
    from worker.ledger import Hold, Record
    from worker.ledger.memory.event import Event

ADDRESS: Final = rf"/activity/({'|'.join(Kind)})/({CUSTOMER_ID.pattern})/({CUSTOMER_ID.pattern})"

RETRIED: Final = "failed; a schedule tries it again every {0} minutes, for {1} days after its first failure"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    record: Record
    history: list[Event]
    other: Record | None
    """The customer's job of the other kind."""
    hold: Hold | None
    connection: str
    """The connection's name; empty if it is not configured any more."""

    @property
    def is_under_way(self) -> bool:
        """Whether the page is worth looking at again in a moment."""
        return self.record.state not in {State.DONE, State.FAILED}


class JobPage(Page):
    """One job."""

    @authenticated
    async def get(self, *names: str) -> None:
        """Show it."""
        job = Job.read(*names)
        shown = await self.aside(self._read, job)
        if shown is None and await self.aside(lambda: bool(self.ledger.events.life_of(job))):
            # The job is gone, and what happened to it is remembered.
            query = urlencode({"customer": job.customer_id, "system": job.system_id})
            self.redirect(f"{self.reverse_url('events')}?{query}")
            return
        if shown is None:
            raise HTTPError(NOT_FOUND, self._unknown(job))
        meaning = self._meaning(shown.record)
        self.render_page(
            "job.html",
            "activity",
            job=job,
            shown=shown,
            meaning=meaning,
            taking=taking,
            without_attempt=without_attempt,
            WITHOUT_ATTEMPT=WITHOUT_ATTEMPT,
        )

    def _read(self, job: Job) -> Shown | None:
        record, other = self.ledger.records([job, _other(job)])
        if record is None:
            return None
        return Shown(
            record=record,
            history=self.ledger.events.life_of(job),
            other=other,
            hold=self.ledger.hold_of(job.system_id),
            connection=self.names.get(job.system_id, ""),
        )

    def _meaning(self, record: Record) -> str:
        if record.state is State.FAILED and record.job.kind is Kind.SUBSCRIPTION:
            settings = self.runtime.settings
            return RETRIED.format(settings.subscription_retry_minutes, settings.subscription_retry_days)
        return record.state.sentence

    def _unknown(self, job: Job) -> str:
        settings = self.runtime.settings
        return (
            f"The ledger holds no {job.kind} job of customer {job.customer_id} of connection {job.system_id}. Either "
            f"nobody asked for it, or it ended long ago: a finished job is kept for {settings.done_days} days, "
            f"a failed one for {settings.failed_days}. Manual Sync transfers the customer again."
        )


def taking(milliseconds: int) -> str:
    """How long something took."""
    return f"{milliseconds / 1000:,.3f} s"


def _other(job: Job) -> Job:
    kind = Kind.CUSTOMER if job.kind is Kind.SUBSCRIPTION else Kind.SUBSCRIPTION
    return Job(kind, job.system_id, job.customer_id)
