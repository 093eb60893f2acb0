"""Re-run all and Discard all of Error Logs, and Discard of one job: a page that asks first, then the change."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self

from tornado.web import HTTPError

from worker.handover import run_in_batch
from worker.jobs.asking import Asker, Source
from worker.jobs.job import CUSTOMER_ID, Job, Kind, State
from worker.ledger.views.activity import Filter
from worker.monitor import job as job_page
from worker.monitor.address import number_of
from worker.monitor.change import ChangePage
from worker.monitor.page import NOT_FOUND
from worker.presentation.wording import counted
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ledger import Ledger

log = logging.getLogger(__name__)

LONGEST_REASON: Final = 200
LATEST_MS: Final = 10**14
"""Later times than the ledger can hold."""

NO_REASON: Final = f"Say why, in at most {LONGEST_REASON} characters. Nothing was discarded."
NO_TIME: Final = "The form does not say which jobs are meant. Go back to Error Logs and choose again."


class Verb(StrEnum):
    """What is done with failed jobs."""

    RERUN = "rerun"
    DISCARD = "discard"


GROUP: Final = rf"/error-logs/({'|'.join(Kind)})/({CUSTOMER_ID.pattern})/([a-z0-9-]{{1,64}})/({'|'.join(Verb)})"
JOB: Final = f"{job_page.ADDRESS}/discard"


@dataclass(frozen=True, slots=True)
class Question:
    """What the page asks before anything is done: about a group of failed jobs, or about one of its jobs."""

    kind: Kind
    system_id: int
    code: str
    verb: Verb
    count: int = 0
    until: int = 0
    """In milliseconds since 1970: a job that failed later was not counted, and is left alone."""
    customer_id: str = ""

    @classmethod
    def read(cls, kind: str, system_id: str, code: str, verb: str) -> Self:
        """The group that an address names, not counted yet."""
        return cls(Kind(kind), int(system_id), code, Verb(verb))

    def counted_in(self, ledger: Ledger) -> Self:
        """The same with the number of jobs that the group has now."""
        for group in ledger.activity.groups():
            is_meant = (group.kind, group.system_id, group.code) == (self.kind, self.system_id, self.code)
            if is_meant and group.last_seen:
                return replace(self, count=group.count, until=round(group.last_seen.timestamp() * 1000))
        return self


class _Asking(ChangePage):
    """A page that asks first."""

    def ask(self, question: Question, fault: str = "") -> None:
        """Ask, and say what is wrong with the last answer."""
        if fault:
            self.set_status(HTTPStatus.BAD_REQUEST)
        name = self.names.get(question.system_id, "")
        self.render_page(
            "confirm.html", "error-logs", question=question, connection=name, longest=LONGEST_REASON, fault=fault
        )

    def go_to_error_logs(self, outcome: str, count: int) -> None:
        """Go back to Error Logs, which shows how many jobs it was."""
        self.go_to("error-logs", query=f"?{outcome}={count}")

    def reason(self) -> str:
        """Why something is discarded, masked for the log; empty if no reason is given, or one that is too long."""
        given = self.get_body_argument("reason", "")
        return masked(given) if len(given) <= LONGEST_REASON else ""


class GroupChange(_Asking):
    """Re-run or discard every job of a group."""

    async def form(self, *names: str) -> None:
        """Ask, with the number of jobs."""
        self.ask(await self.aside(Question.read(*names).counted_in, self.ledger))

    async def change(self, *names: str) -> None:
        """Do it with the jobs that were counted, and show how many it was."""
        question = Question.read(*names)
        wanted = Filter(question.system_id, question.kind, State.FAILED, question.code, until=self._until())
        if question.verb is Verb.RERUN:
            self.runtime.connection(question.system_id)
            batch_id = await self.in_lane(self.lanes.changes, partial(self._rerun, wanted))
            if batch_id:
                self.go_to("batch", batch_id)
            else:
                self.go_to_error_logs("rerun", 0)
        elif reason := self.reason():
            count = await self.in_lane(self.lanes.changes, partial(self._discard, reason, wanted))
            self.go_to_error_logs("discarded", count)
        else:
            self.ask(await self.aside(question.counted_in, self.ledger), NO_REASON)

    def _rerun(self, wanted: Filter) -> str:
        """Run them again: the batch that shows how they end; empty if none is failed any more."""
        pages = ([record.job for record in page] for page in self.ledger.activity.pages(wanted))
        batch_id, count = run_in_batch(pages, self.ledger, Asker(Source.RERUN, self.user))
        jobs = counted(count, f"{wanted.kind} job")
        words, facts = (
            f"{jobs} that failed with {wanted.code}",
            {"outcome": "rerun", "code": wanted.code, "count": count},
        )
        log.info("connection %s: %s run again, as somebody asked in Error Logs", wanted.system_id, words, extra=facts)
        return batch_id

    def _discard(self, reason: str, wanted: Filter) -> int:
        ledger, asker = self.ledger, Asker(Source.PERSON, self.user)
        forget = partial(ledger.discard_all, asker=asker, reason=reason)
        return each_page(ledger, wanted, forget, "discarded", f"discarded: {reason}")

    def _until(self) -> datetime:
        until = number_of(self.get_body_argument("until", ""))
        if until is None or until > LATEST_MS:
            raise HTTPError(HTTPStatus.BAD_REQUEST, NO_TIME)
        return datetime.fromtimestamp(until / 1000, UTC)


class JobDiscard(_Asking):
    """Discard one failed job."""

    async def form(self, *names: str) -> None:
        """Ask."""
        self.ask(await self.aside(question_of, self.ledger, Job.read(*names)))

    async def change(self, *names: str) -> None:
        """Discard it."""
        job = Job.read(*names)
        question = await self.aside(question_of, self.ledger, job)
        if reason := self.reason():
            self.go_to_error_logs("discarded", await self.aside(self._discard, job, question.code, reason))
        else:
            self.ask(question, NO_REASON)

    def _discard(self, job: Job, code: str, reason: str) -> int:
        """Forget the job; 0 if it is not failed any more."""
        count = self.ledger.discard_all([job], Asker(Source.PERSON, self.user), reason)
        facts = {"job": str(job), "outcome": "discarded", "code": code, "count": count}
        log.info("%s: discarded: %s", job, reason, extra=facts)
        return count


def question_of(ledger: Ledger, job: Job) -> Question:
    """What to ask before one job is discarded. Raises HTTPError 404 if it is not failed."""
    record = ledger.record(job)
    if record is None or record.state is not State.FAILED or record.failure is None:
        raise HTTPError(NOT_FOUND, f"The {job.kind} job of customer {job.customer_id} is not failed, or not any more.")
    return Question(job.kind, job.system_id, record.failure.code, Verb.DISCARD, count=1, customer_id=job.customer_id)


def each_page(ledger: Ledger, wanted: Filter, do: Callable[[list[Job]], int], outcome: str, words: str) -> int:
    """Do something with the jobs of a group, a page at a time, and log how many it was, even if Redis goes away."""
    count = 0
    try:
        for page in ledger.activity.pages(wanted):
            count += do([record.job for record in page])
    finally:
        facts = {"outcome": outcome, "code": wanted.code, "count": count}
        jobs = f"{counted(count, f'{wanted.kind} job')} that failed with {wanted.code}"
        log.info("connection %s: %s %s", wanted.system_id, jobs, words, extra=facts)
    return count
