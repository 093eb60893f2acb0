"""Activity: the jobs, newest first, and what is held."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tornado.web import authenticated

from worker.jobs.catalogue import CATALOGUE
from worker.jobs.job import Kind, State
from worker.ledger.views.activity import Filter
from worker.ledger.views.places import JobPlace
from worker.monitor.address import Address, Query
from worker.monitor.page import Page
from worker.presentation.figures import VANISHED_HELP, refusals_in_words, unknown_in_words, vanished_in_words
from worker.presentation.tables import table_of_jobs

if TYPE_CHECKING:
    from datetime import datetime

    from worker.ledger.views.activity import Page as Jobs
    from worker.ledger.views.figures import Figures

FIELDS: Final = ("state", "system", "kind", "code", "customer", "since", "until")

TIME_MEANS: Final = {
    State.QUEUED: "that gives it its place in the queue",
    State.SENT: "when its message was sent",
    State.RUNNING: "by which its worker must have answered",
    State.WAITING: "when it is tried again",
}
"""Which time of a job that has not ended the filter's times mean. For the others, it is the time when they changed."""


def read_query(address: Address) -> Query[Filter]:
    """The filter in an address."""
    system_id, code, (since, until) = address.count("system"), address.code(), address.span()
    wanted = Filter(
        system_id=system_id,
        kind=address.choice("kind", tuple(Kind)),
        state=address.choice("state", tuple(State)),
        code=code,
        customer_id=address.number("customer"),
        since=since,
        until=until,
    )
    return Query(address.given, wanted, address.faults, address.doubts)


def time_means(wanted: Filter) -> str:
    """Which time of a job the filter's times mean; empty if there are none, or they mean when a job changed."""
    has_time = wanted.since or wanted.until
    by_place = wanted.state in TIME_MEANS and not wanted.customer_id
    return TIME_MEANS[wanted.state] if has_time and wanted.state and by_place else ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    jobs: Jobs
    count: int
    """How many jobs there are on all pages."""
    counts: dict[State, int]
    figures: Figures
    """The figures of all stores, whatever the filter."""
    names: dict[int, str]
    """The connections."""
    newest: str
    """The time from which on a change is news; empty where the list is in another order."""
    doubt: str
    """Why nothing can fit the filter; empty if something can."""


class ActivityPage(Page):
    """The list of jobs."""

    @authenticated
    async def get(self) -> None:
        """Show one page of it."""
        address = self.address(*FIELDS, "begins")
        begins = address.link("begins", lambda text: bool(JobPlace.read(text)))
        query = read_query(address)
        shown = await self.aside(self._read, query.filter, begins)
        self.render_page(
            "activity.html",
            "activity",
            query=query.doubting(shown.doubt),
            begins=begins,
            shown=shown,
            time_means=time_means(query.filter),
            states=list(State),
            kinds=list(Kind),
            codes=CATALOGUE,
            unknown_in_words=unknown_in_words,
            vanished_in_words=vanished_in_words,
            vanished_help=VANISHED_HELP,
            refusals_in_words=refusals_in_words,
        )

    def query(self) -> Query[Filter]:
        """The filter in the address."""
        return read_query(self.address(*FIELDS))

    def _read(self, wanted: Filter, begins: str) -> Shown:
        activity, names = self.ledger.activity, self.names
        jobs = activity.page(wanted, begins)
        figures = self.ledger.figures()
        return Shown(
            jobs=jobs,
            count=activity.count(wanted),
            counts=figures.by_state(wanted.system_id, wanted.kind),
            figures=figures,
            names=names,
            newest="" if begins else _newest(wanted, jobs, figures.now),
            doubt=self.unknown_system(wanted.system_id),
        )


class NewsPage(ActivityPage):
    """How many jobs have changed since the list was shown, for it to say so."""

    @authenticated
    async def get(self) -> None:
        """Answer how many, as JSON."""
        wanted = self.query().filter
        await self.answer_news(lambda since: self.ledger.activity.count(replace(wanted, since=since)))


class TablePage(ActivityPage):
    """The same as a table to download."""

    @authenticated
    async def get(self) -> None:
        """Answer all jobs that fit, in the list's order, as CSV."""
        query = self.query()
        self.refuse_faults(query.faults)
        await self.send_table("jobs.csv", self.ledger.activity.pages(query.filter), table_of_jobs)


def _newest(wanted: Filter, jobs: Jobs, now: datetime) -> str:
    by_change = wanted.state in {None, State.DONE, State.FAILED} or wanted.customer_id
    newest = jobs.records[0].changed_at if jobs.records else now
    return newest.isoformat() if by_change and newest else ""


class CountsPage(ActivityPage):
    """The counts of the list, for the page to refresh them."""

    @authenticated
    async def get(self) -> None:
        """Answer how many jobs are in each state, as JSON."""
        self.write(await self.aside(self.ledger.activity.counts, self.query().filter))
