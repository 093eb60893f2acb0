"""A job's page: where it stands, what went wrong, and every attempt with the calls it made; and Re-run.

Re-run is there, and on the page that Flower has for a task, too.
"""

from __future__ import annotations

import ast
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flower.utils.tasks import get_task_by_id
from tornado.web import HTTPError, authenticated

from worker.handover import run_all
from worker.jobs.asking import Asker, Source
from worker.jobs.errors import SyncError
from worker.jobs.job import CUSTOMER_ID, Job, Kind, State
from worker.jobs.routes import TASK_OF
from worker.monitor.change import ChangePage
from worker.monitor.page import NOT_FOUND, Page, forbid_frames
from worker.presentation.events import WITHOUT_ATTEMPT, without_attempt

if TYPE_CHECKING:
    from tornado.web import RequestHandler

    from worker.ledger import Hold, Record
    from worker.ledger.memory.event import Event

log = logging.getLogger(__name__)

ADDRESS: Final = rf"/activity/({'|'.join(Kind)})/({CUSTOMER_ID.pattern})/({CUSTOMER_ID.pattern})"

RETRIED: Final = "failed; a schedule tries it again every {0} minutes, for {1} days after its first failure"

KIND_OF: Final = {name: kind for kind, name in TASK_OF.items()}
SETTLED: Final = frozenset({"SUCCESS", "FAILURE", "RETRY", "REVOKED", "REJECTED"})
"""The states of Celery in which a task's run has ended."""

UNREADABLE: Final = (
    "Flower does not show the arguments of this task as (connection, customer id), so it cannot know which job to "
    "re-run. Look for the job in Activity."
)


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


# Re-run ---------------------------------------------------------------------------------------------------------------


class _Rerun(ChangePage):
    """Re-runs a job and goes to its page."""

    async def rerun(self, job: Job) -> None:
        """Request the job anew, with its attempts reset; it does not wait for the due time of a retry."""
        self.runtime.connection(job.system_id)
        await self.aside(self._request, job)
        log.info("%s: run again, as somebody asked on its page", job)
        self.go_to("job", job.kind, job.system_id, job.customer_id)

    def _request(self, job: Job) -> None:
        run_all([job], self.ledger, Asker(Source.RERUN, self.user))


class RerunJob(_Rerun):
    """Re-run on a job's page."""

    async def change(self) -> None:
        """Re-run the job that the form names."""
        await self.rerun(Job.read(*(self.get_body_argument(name, "") for name in ("kind", "system", "customer"))))


class RerunTask(_Rerun):
    """Re-run on a task's page."""

    async def change(self, task_id: str) -> None:
        """Re-run the job that the task was for."""
        task = get_task_by_id(self.application.events, task_id)
        if task is None:
            raise HTTPError(NOT_FOUND, "Flower does not know this task any more. Look for the job in Activity.")
        if task.name not in KIND_OF:
            raise HTTPError(HTTPStatus.BAD_REQUEST, f"Only {' and '.join(KIND_OF)} can be re-run here.")
        if task.state not in SETTLED:
            raise HTTPError(HTTPStatus.BAD_REQUEST, f"This task has not ended yet: it is {task.state}.")
        job = job_of(task)
        if job is None:
            raise HTTPError(HTTPStatus.BAD_REQUEST, UNREADABLE)
        await self.rerun(job)


def job_of(task: Any) -> Job | None:
    """The job that a task in Flower is for; None if it is for none, or its arguments can't be read."""
    if task.name not in KIND_OF:
        return None
    try:
        match ast.literal_eval(task.args):
            case [system_id, customer_id]:
                return Job.read(KIND_OF[task.name], system_id, customer_id)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, SyncError):
        pass
    return None


def offered(handler: RequestHandler, task: Any) -> Job | None:
    """The job that can be re-run from a task's page; that page then stays out of other sites' frames."""
    job = job_of(task)
    if job:
        forbid_frames(handler)
    return job
