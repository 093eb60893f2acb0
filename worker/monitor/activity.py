"""Activity: the jobs, newest first, and what is held."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlencode

from tornado.web import HTTPError, authenticated

from worker.job import Kind
from worker.ledger import State
from worker.ledger.activity import Filter
from worker.monitor.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.connections import Connection
    from worker.ledger import Hold, Ledger
    from worker.ledger.activity import Page as Jobs

FIELDS = ("state", "system", "kind", "code", "customer", "since", "until")
DIGITS_AT_MOST = 19

Choice = TypeVar("Choice", Kind, State)


@dataclass(frozen=True, slots=True)
class Query:
    """The filter in a page's address, so that a link to it can be shared."""

    given: dict[str, str]
    filter: Filter
    faults: tuple[str, ...]
    """What of it can't be read: it is left out and said."""

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

    def link(self, **changed: str) -> str:
        """The address of the list with another filter; an empty value leaves one out."""
        query = {name: value for name, value in (self.given | changed).items() if value}
        return urlencode(query)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    jobs: Jobs
    counts: dict[str, int]
    holds: list[Hold]
    connections: list[Connection]


class ActivityPage(Page):
    """The list of jobs."""

    @authenticated
    async def get(self) -> None:
        """Show one page of it."""
        query = Query.read(lambda name: self.get_argument(name, "", escape=False) or "")
        begins = self.get_argument("begins", "", escape=False)
        shown = await self.aside(self._read, query, begins)
        self.render_page("activity.html", "activity", query=query, shown=shown, states=list(State), kinds=list(Kind))

    def _read(self, query: Query, begins: str) -> Shown:
        return Shown(
            jobs=self.ledger.activity.page(query.filter, begins),
            counts=counts(self.ledger),
            holds=self.ledger.holds(),
            connections=list(self.runtime.connections),
        )


class CountsPage(Page):
    """The counts of the list, for the page to refresh them."""

    @authenticated
    async def get(self) -> None:
        """Answer the jobs by state, as JSON."""
        self.write(await self.aside(counts, self.ledger))


def counts(ledger: Ledger) -> dict[str, int]:
    """How many jobs of all kinds there are in each state."""
    each = [asdict(ledger.counts(kind)) for kind in Kind]
    return {state.value: sum(count[state] for count in each) for state in State}


def checked_kind(text: str) -> Kind:
    """The kind in an address. Raises HTTPError 404."""
    if text not in set(Kind):
        raise HTTPError(404, f"there is no kind {text}")
    return Kind(text)


def _one_of(choices: type[Choice], text: str, name: str, faults: list[str]) -> Choice | None:
    if text and text not in set(choices):
        faults.append(f"{name}: {text} is none of {', '.join(choices)}")
    return choices(text) if text in set(choices) else None


def _number(text: str, name: str, faults: list[str]) -> str:
    if not text or (text.isascii() and text.isdigit() and len(text) <= DIGITS_AT_MOST):
        return text
    faults.append(f"{name}: {text} is not a whole number of at most {DIGITS_AT_MOST} digits")
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
