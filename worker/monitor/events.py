"""Activity's other view: what happened, by time and by what it is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import urlencode

from tornado.web import authenticated

from worker.jobs.asking import Source
from worker.jobs.catalogue import CATALOGUE
from worker.ledger.memory.event import EventFilter
from worker.ledger.memory.events import SLOT, places_in
from worker.monitor.address import Address, Query
from worker.monitor.page import EXPORTED_AT_ONCE, NEWS_COUNTED, Page
from worker.presentation.bars import bars, in_words
from worker.presentation.events import OUTCOMES, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.ledger.memory.events import EventPage, Tallies

FIELDS: Final = ("customer", "system", "source", "outcome", "code", "tracking", "stamped", "since", "until")
CHART_BARS: Final = 49
"""The most that a chart has: those of a day hold half an hour each, and the last one what there is of it."""
LONGEST_CHART: Final = timedelta(days=60)
USUAL_CHART: Final = timedelta(days=1)
SOURCES: Final = tuple(each for each in Source if each)


def read_query(address: Address) -> Query[EventFilter]:
    """The filter in an address."""
    system_id, code, (since, until) = address.count("system"), address.code(), address.span()
    wanted = EventFilter(
        since=since,
        until=until,
        system_id=system_id,
        customer_id=address.number("customer"),
        tracking_guid=address.text("tracking"),
        stamped_id=address.text("stamped"),
        code=code,
        outcome=address.choice("outcome", tuple(OUTCOMES)) or "",
        source=address.choice("source", SOURCES),
    )
    return Query(address.given, wanted, address.faults, address.doubts)


def quick_links(now: datetime) -> list[tuple[str, str]]:
    """What is often asked, each with the filter that answers it; `now` is in the zone of whoever asks."""
    hour, yesterday = (f"{now - span:%Y-%m-%dT%H:%M:%S}" for span in (timedelta(hours=1), timedelta(days=1)))
    asked = {
        "Last hour": {"since": hour},
        "Since yesterday": {"since": yesterday},
        "Failed since yesterday": {"since": yesterday, "outcome": "failed"},
        "Changed by people since yesterday": {"since": yesterday, "source": Source.PERSON},
        "Run again by people since yesterday": {"since": yesterday, "source": Source.RERUN},
    }
    return [(words, f"?{urlencode(query)}") for words, query in asked.items()]


class Span(NamedTuple):
    """The time that a chart covers: the whole slots, in which ended jobs are counted, that hold the chosen time."""

    since: datetime
    until: datetime
    """The end of the last slot; now, if that is earlier."""
    slots: int
    per_bar: int
    """How many slots a bar stands for."""

    @classmethod
    def of(cls, wanted: EventFilter, now: datetime) -> Self | None:
        """The span for a filter; None if its time has not begun."""
        until = min(wanted.until or now, now)
        since = wanted.since or until - USUAL_CHART
        if since > until:
            return None
        first, last = slot_of(max(since, until - LONGEST_CHART)), slot_of(until)
        slots = (last - first) // SLOT + 1
        return cls(first, min(last + SLOT, now), slots, -(-slots // CHART_BARS))


def slot_of(moment: datetime) -> datetime:
    """The beginning of the slot that holds a time."""
    seconds = int(SLOT.total_seconds())
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


@dataclass(frozen=True, slots=True)
class Chart:
    """The ended jobs over the chosen time."""

    tallies: Tallies
    span: Span


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows."""

    page: EventPage
    chart: Chart | None
    """None if the chosen time has not begun."""
    names: Mapping[int, str]
    newest: str
    """The time from which on an event is news; empty on a later page."""
    doubt: str
    """Why nothing can fit the filter; empty if something can."""


class EventsPage(Page):
    """The list of events."""

    @authenticated
    async def get(self) -> None:
        """Show one page of it."""
        address = self.address(*FIELDS, "begins")
        begins = address.link("begins", lambda text: bool(places_in(text)))
        query = read_query(address)
        shown = await self.aside(self._read, query.filter, begins)
        self.render_page(
            "events.html",
            "activity",
            query=query.doubting(shown.doubt),
            begins=begins,
            shown=shown,
            quick=quick_links(datetime.now(self.zone)),
            sources=SOURCES,
            outcomes=OUTCOMES,
            codes=CATALOGUE,
            bars=bars,
            in_words=in_words,
        )

    def query(self) -> Query[EventFilter]:
        """The filter in the address."""
        return read_query(self.address(*FIELDS))

    def _read(self, wanted: EventFilter, begins: str) -> Shown:
        events = self.ledger.events
        page, now = events.page(wanted, begins), datetime.now(UTC)
        newest = page.events[0].ended_at if page.events else now
        chart, doubt = self._chart(wanted, now), self.unknown_system(wanted.system_id)
        return Shown(page, chart, self.names, "" if begins else newest.isoformat(), doubt)

    def _chart(self, wanted: EventFilter, now: datetime) -> Chart | None:
        span, events = Span.of(wanted, now), self.ledger.events
        if span is None:
            return None
        times = span.slots * SLOT, span.per_bar * SLOT, span.since + (span.slots - 1) * SLOT
        if wanted.system_id is None:
            return Chart(events.tally_of_all(*times), span)
        return Chart(events.tallies([wanted.system_id], *times)[wanted.system_id], span)


class EventNews(EventsPage):
    """How much has happened since the page was shown, for it to say so."""

    @authenticated
    async def get(self) -> None:
        """Answer how many events, as JSON."""
        wanted = self.query().filter
        await self.answer_news(lambda since: self._count(replace(wanted, since=since)))

    def _count(self, wanted: EventFilter) -> int:
        return len(self.ledger.events.page(wanted, size=NEWS_COUNTED).events)


class EventTable(EventsPage):
    """The same as a table to download."""

    @authenticated
    async def get(self) -> None:
        """Answer all events that fit, the newest first, as CSV."""
        query = self.query()
        self.refuse_faults(query.faults)
        pages = self.ledger.events.pages(query.filter, EXPORTED_AT_ONCE)
        await self.send_table("events.csv", pages, table)
