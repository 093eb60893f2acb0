"""Activity: the jobs, newest first, and what is held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import urlencode

from tornado.web import authenticated

from worker.jobs.catalogue import CATALOGUE
from worker.jobs.job import Kind, State
from worker.ledger.views.activity import Filter
from worker.monitor.page import MOST_DIGITS, Page, number_of
from worker.presentation.figures import VANISHED_HELP, refusals_in_words, unknown_in_words, vanished_in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ledger.views.activity import Page as Jobs
    from worker.ledger.views.figures import Figures

FIELDS = ("state", "system", "kind", "code", "customer", "since", "until")

TIME_MEANS: Final = {
    State.QUEUED: "that gives it its place in the queue",
    State.SENT: "when its message was sent",
    State.RUNNING: "by which its worker must have answered",
    State.WAITING: "when it is tried again",
}
"""Which time of a job that has not ended the filter's times mean. For the others, it is the time when they changed."""

Choice = TypeVar("Choice", Kind, State)


@dataclass(frozen=True, slots=True)
class Query:
    """The filter in a page's address, so that a link to it can be shared."""

    given: dict[str, str]
    filter: Filter
    faults: tuple[str, ...]
    """What of it can't be read. It is left out, and the page says so."""

    @classmethod
    def read(cls, argument: Callable[[str], str]) -> Self:
        """The filter that the arguments name."""
        given = {name: argument(name).strip() for name in FIELDS}
        faults: list[str] = []
        system = _number(given["system"], "connection", faults)
        wanted = Filter(
            system_id=int(system) if system else None,
            kind=_one_of(Kind, given["kind"], "kind", faults),
            state=_one_of(State, given["state"], "state", faults),
            code=given["code"],
            customer_id=_number(given["customer"], "customer id", faults),
            since=_time(given["since"], "from", faults),
            until=_time(given["until"], "to", faults),
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
        return Query.read(lambda name: self.get_argument(name, "", escape=False) or "")

    def _read(self, query: Query, begins: str) -> Shown:
        activity, names = self.ledger.activity, self.names
        jobs = activity.page(query.filter, begins)
        figures = self.ledger.figures()
        return Shown(
            jobs=jobs,
            count=len(jobs.records) if query.filter.customer_id else activity.count(query.filter),
            counts=figures.by_state(query.filter.system_id, query.filter.kind),
            figures=figures,
            names=names,
        )


class CountsPage(ActivityPage):
    """The counts of the list, for the page to refresh them."""

    @authenticated
    async def get(self) -> None:
        """Answer how many jobs are in each state, as JSON."""
        self.write(await self.aside(self.ledger.activity.counts, self.query().filter))


def _one_of(choices: type[Choice], text: str, name: str, faults: list[str]) -> Choice | None:
    if text and text not in set(choices):
        faults.append(f"{name}: {text} is not one of {', '.join(choices)}")
    return choices(text) if text in set(choices) else None


def _number(text: str, name: str, faults: list[str]) -> str:
    if not text or number_of(text) is not None:
        return text
    faults.append(f"{name}: {text} is not a whole number of at most {MOST_DIGITS} digits")
    return ""


def _time(text: str, name: str, faults: list[str]) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        faults.append(f"{name}: {text} is not a time such as 2026-01-31T08:30")
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
