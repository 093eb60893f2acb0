"""Activity: the jobs, newest first, and what is held."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, timedelta, tzinfo
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlencode

from tornado.web import authenticated

from worker.jobs.catalogue import CATALOGUE
from worker.jobs.job import Kind, State
from worker.ledger.views.activity import Filter
from worker.monitor.page import Page, number_in, one_of, time_in
from worker.presentation.figures import VANISHED_HELP, refusals_in_words, unknown_in_words, vanished_in_words
from worker.presentation.tables import table_of_jobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from worker.ledger.views.activity import Page as Jobs
    from worker.ledger.views.figures import Figures

NEWS_COUNTED: Final = 100
FIELDS = ("state", "system", "kind", "code", "customer", "since", "until")

TIME_MEANS: Final = {
    State.QUEUED: "that gives it its place in the queue",
    State.SENT: "when its message was sent",
    State.RUNNING: "by which its worker must have answered",
    State.WAITING: "when it is tried again",
}
"""Which time of a job that has not ended the filter's times mean. For the others, it is the time when they changed."""


@dataclass(frozen=True, slots=True)
class Query:
    """The filter in a page's address, so that a link to it can be shared."""

    given: dict[str, str]
    filter: Filter
    faults: tuple[str, ...]
    """What of it can't be read. It is left out, and the page says so."""

    @classmethod
    def read(cls, argument: Callable[[str], str], zone: tzinfo = UTC) -> Self:
        """The filter that the arguments name."""
        given = {name: argument(name).strip() for name in FIELDS}
        faults: list[str] = []
        system = number_in(given["system"], "connection", faults)
        wanted = Filter(
            system_id=int(system) if system else None,
            kind=one_of(tuple(Kind), given["kind"], "kind", faults),
            state=one_of(tuple(State), given["state"], "state", faults),
            code=given["code"],
            customer_id=number_in(given["customer"], "customer id", faults),
            since=time_in(given["since"], "from", faults, zone),
            until=time_in(given["until"], "to", faults, zone),
        )
        return cls({name: value for name, value in given.items() if value}, wanted, tuple(faults))

    @property
    def time_means(self) -> str:
        """Which time of a job the filter's times mean; empty if there are none, or they mean when a job changed."""
        has_time = self.filter.since or self.filter.until
        by_place = self.filter.state in TIME_MEANS and not self.filter.customer_id
        return TIME_MEANS[self.filter.state] if has_time and self.filter.state and by_place else ""

    def link(self, **changed: str) -> str:
        """The address of the list with another filter; an empty value takes a field out of it."""
        query = {name: value for name, value in (self.given | changed).items() if value}
        return f"?{urlencode(query)}"


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


class ActivityPage(Page):
    """The list of jobs."""

    @authenticated
    async def get(self) -> None:
        """Show one page of it."""
        query = self.query()
        begins = self.get_argument("begins", "", escape=False)
        shown = await self.aside(self._read, query, begins)
        self.render_page(
            "activity.html",
            "activity",
            query=query,
            begins=begins,
            shown=shown,
            states=list(State),
            kinds=list(Kind),
            codes=CATALOGUE,
            unknown_in_words=unknown_in_words,
            vanished_in_words=vanished_in_words,
            vanished_help=VANISHED_HELP,
            refusals_in_words=refusals_in_words,
        )

    def query(self) -> Query:
        """The filter in the address."""
        return Query.read(lambda name: self.get_argument(name, "", escape=False) or "", self.zone)

    def _read(self, query: Query, begins: str) -> Shown:
        activity, names = self.ledger.activity, self.names
        jobs = activity.page(query.filter, begins)
        figures = self.ledger.figures()
        return Shown(
            jobs=jobs,
            count=activity.count(query.filter),
            counts=figures.by_state(query.filter.system_id, query.filter.kind),
            figures=figures,
            names=names,
            newest="" if begins else _newest(query.filter, jobs, figures.now),
        )


class NewsPage(ActivityPage):
    """How many jobs have changed since the list was shown, for it to say so."""

    @authenticated
    async def get(self) -> None:
        """Answer how many, as JSON."""
        after = time_in(self.get_argument("after", "", escape=False) or "", "after", [])
        wanted = replace(self.query().filter, since=after and after + timedelta(milliseconds=1))
        count = await self.aside(self.ledger.activity.count, wanted) if after else 0
        self.write({"count": min(count, NEWS_COUNTED), "most": NEWS_COUNTED})


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
