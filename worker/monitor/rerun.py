"""Re-run: from a job's page, and from the page that Flower has for a task."""

from __future__ import annotations

import ast
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from flower.utils.tasks import get_task_by_id
from tornado.web import HTTPError

from worker.handover import run_all
from worker.jobs.asking import Asker, Source
from worker.jobs.errors import SyncError
from worker.jobs.job import Job
from worker.jobs.routes import TASK_OF
from worker.monitor.change import ChangePage
from worker.monitor.page import NOT_FOUND, forbid_frames

if TYPE_CHECKING:
    from tornado.web import RequestHandler

log = logging.getLogger(__name__)

KIND_OF: Final = {name: kind for kind, name in TASK_OF.items()}
SETTLED: Final = frozenset({"SUCCESS", "FAILURE", "RETRY", "REVOKED", "REJECTED"})
"""The states of Celery in which a task's run has ended."""

UNREADABLE: Final = (
    "Flower does not show the arguments of this task as (connection, customer id), so it cannot know which job to "
    "re-run. Look for the job in Activity."
)


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
