"""Re-run all and Discard all of Error Logs, and Discard of one job: a page that asks first, then the change."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from tornado.web import HTTPError

from tasks.upkeep import run_again
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind, State
from worker.jobs.pages import PAGE
from worker.ledger.activity import Filter
from worker.monitor.change import Change
from worker.monitor.error_logs import number_of
from worker.monitor.page import NOT_FOUND
from worker.presentation.screen import counted
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.jobs.catalogue import Entry
    from worker.ledger import Ledger
    from worker.ledger.activity import Group

log = logging.getLogger(__name__)

SEE_OTHER, BAD_REQUEST = 303, 400
LONGEST_REASON: Final = 200
LATEST_MS: Final = 10**14
"""Later times than the ledger can hold."""

GROUP: Final = r"/error-logs/(customer|subscription)/([1-9][0-9]{0,18})/([a-z0-9-]{1,64})/(rerun|discard)"
JOB: Final = r"/activity/(customer|subscription)/([1-9][0-9]{0,18})/([1-9][0-9]{0,18})/discard"


NO_REASON: Final = f"Say why, in at most {LONGEST_REASON} characters. Nothing was discarded."


class Verb(StrEnum):
    """What is done with failed jobs."""

    RERUN = "rerun"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Target:
    """The failed jobs that are meant: a group, or one of its jobs."""

    system_id: int
    kind: Kind
    code: str
    customer_id: str = ""

    @property
    def entry(self) -> Entry:
        """What the catalogue says of the error."""
        return Failure(self.code).entry

    def names(self, group: Group) -> bool:
        """Whether that group is meant."""
        return (group.system_id, group.kind, group.code) == (self.system_id, self.kind, self.code)

    def filter(self, until: datetime) -> Filter:
        """Those of them that failed no later than that."""
        return Filter(self.system_id, self.kind, State.FAILED, self.code, until=until)


@dataclass(frozen=True, slots=True)
class Question:
    """What the page asks before anything is done."""

    verb: Verb
    target: Target
    count: int
    until: int = 0
    """In milliseconds since 1970: no job that failed later than what was counted is touched."""


class _Asking(Change):
    """A page that asks first."""

    def ask(self, question: Question, fault: str = "") -> None:
        """Ask, and say what is wrong with the last answer."""
        if fault:
            self.set_status(BAD_REQUEST)
        connection = self.runtime.connections.get(question.target.system_id)
        name = connection.name if connection else ""
        self.render_page(
            "confirm.html", "error-logs", question=question, connection=name, longest=LONGEST_REASON, fault=fault
        )

    def tell(self, **count: int) -> None:
        """Go back to Error Logs, which says how many it was."""
        self.redirect(f"{self.reverse_url('error-logs')}?{urlencode(count)}", status=SEE_OTHER)

    def reason(self) -> str:
        """Why something is discarded, fit for the log; empty if that is not said, or at too great length."""
        given = self.get_body_argument("reason", "")
        return masked(given) if len(given) <= LONGEST_REASON else ""


class GroupChange(_Asking):
    """Re-run or discard every job of a group."""

    async def form(self, kind: str, system_id: str, code: str, verb: str) -> None:
        """Ask, with the number of jobs."""
        target = Target(int(system_id), Kind(kind), code)
        self.ask(await self.aside(question_of, self.ledger, target, Verb(verb)))

    async def change(self, kind: str, system_id: str, code: str, verb: str) -> None:
        """Do it with those that were counted, and say with how many."""
        target = Target(int(system_id), Kind(kind), code)
        wanted = target.filter(self._until())
        if verb == Verb.RERUN:
            self.runtime.connection(target.system_id)
            self.tell(rerun=await self.in_lane(self.lanes.changes, partial(rerun, self.ledger, wanted)))
        elif reason := self.reason():
            work = partial(discard, self.ledger, wanted, reason)
            self.tell(discarded=await self.in_lane(self.lanes.changes, work))
        else:
            self.ask(await self.aside(question_of, self.ledger, target, Verb.DISCARD), NO_REASON)

    def _until(self) -> datetime:
        until = number_of(self.get_body_argument("until", ""))
        if until is None or until > LATEST_MS:
            raise HTTPError(BAD_REQUEST, "It is not said which jobs are meant. Go back to Error Logs and choose again.")
        return datetime.fromtimestamp(until / 1000, UTC)


class JobDiscard(_Asking):
    """Discard one failed job."""

    async def form(self, kind: str, system_id: str, customer_id: str) -> None:
        """Ask."""
        self.ask(await self.aside(question_of_one, self.ledger, Job(Kind(kind), int(system_id), customer_id)))

    async def change(self, kind: str, system_id: str, customer_id: str) -> None:
        """Do it."""
        job = Job(Kind(kind), int(system_id), customer_id)
        question = await self.aside(question_of_one, self.ledger, job)
        if reason := self.reason():
            self.tell(discarded=await self.aside(discard_one, self.ledger, job, question.target.code, reason))
        else:
            self.ask(question, NO_REASON)


def question_of(ledger: Ledger, target: Target, verb: Verb) -> Question:
    """What there is to ask about a group; a job that fails from now on is not meant."""
    group = next(filter(target.names, ledger.activity.groups()), None)
    if group is None or group.last_seen is None:
        return Question(verb, target, 0)
    return Question(verb, target, group.count, round(group.last_seen.timestamp() * 1000))


def question_of_one(ledger: Ledger, job: Job) -> Question:
    """What there is to ask about one job. Raises HTTPError 404 if it is not failed."""
    record = ledger.record(job)
    if record is None or record.state is not State.FAILED or record.failure is None:
        raise HTTPError(NOT_FOUND, f"The {job.kind} job of customer {job.customer_id} is not failed, or not any more.")
    return Question(Verb.DISCARD, Target(job.system_id, job.kind, record.failure.code, job.customer_id), 1)


def rerun(ledger: Ledger, wanted: Filter) -> int:
    """Run the jobs of a group again; how many."""
    said = "run again, as somebody asked in Error Logs"
    return _each_page(ledger, wanted, lambda page: len(run_again(page)), "rerun", said)


def discard(ledger: Ledger, wanted: Filter, reason: str) -> int:
    """Forget the jobs of a group; how many."""
    return _each_page(ledger, wanted, ledger.discard_all, "discarded", f"discarded: {reason}")


def discard_one(ledger: Ledger, job: Job, code: str, reason: str) -> int:
    """Forget one failed job; 0 if it is not failed any more."""
    count = int(ledger.discard(job))
    facts = {"job": str(job), "outcome": "discarded", "code": code, "count": count}
    log.info("%s: discarded: %s", job, reason, extra=facts)
    return count


def _each_page(ledger: Ledger, wanted: Filter, do: Callable[[list[Job]], int], outcome: str, said: str) -> int:
    """Do something with the jobs of a group, a page at a time; logged also where Redis goes away meanwhile."""
    count = 0
    try:
        for page in _pages(ledger, wanted):
            count += do(page)
    finally:
        facts = {"outcome": outcome, "code": wanted.code, "count": count}
        jobs = f"{counted(count, f'{wanted.kind} job')} that failed with {wanted.code}"
        log.info("connection %s: %s %s", wanted.system_id, jobs, said, extra=facts)
    return count


def _pages(ledger: Ledger, wanted: Filter) -> Iterator[list[Job]]:
    """The jobs of a group, newest first. Each page begins behind the one before, so that jobs may leave meanwhile."""
    begins, is_last = "", False
    while not is_last:
        page = ledger.activity.page(wanted, begins, PAGE)
        yield [record.job for record in page.records]
        begins, is_last = page.next, not page.next
