"""The memory: every attempt that has ended and every change by a person, by time and by what it is about.

Each event has a few bytes of marks, and a script goes through those, some chunks at a time: nothing else is read than
what is looked for. How they are kept is in `_events.lua`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from worker.effects import Effect
from worker.jobs.job import Job, pages
from worker.ledger import keys
from worker.ledger.memory.earlier import attempts_of
from worker.ledger.memory.event import Change, Event, EventFilter
from worker.ledger.scripting import in_one_trip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import redis

    from worker.ledger.scripting import Args, Scripts

LANES: Final = ("asked", "background")
CHUNKS_AT_ONCE: Final = 3
"""How many chunks one script looks through: it keeps Redis from others for some milliseconds at most."""
ROWS_PER_PAGE: Final = 50
LONGEST_LIFE: Final = 200
"""The most attempts that a job's page shows; Activity shows them all."""
FORGOTTEN_AT_ONCE: Final = 100
"""How many chunks, and how many days of stores, one script forgets."""
STORE_DAYS_AT_ONCE: Final = 20
"""How many days of how many stores one script counts."""
ALL: Final = "all"
"""All stores together."""
END: Final = -1
"""The end of a chunk, as a place to begin at."""
LATEST: Final = 2**32
"""A time that has not come, in seconds."""
SHAPE: Final = 12
"""Where in an entry the name of its shape is."""
LOOK: Final = "events"
COUNT: Final = "tallies"
"""The scripts that look."""
IN_LINK: Final = re.compile("-".join(["([0-9]{1,15})-([0-9]{1,15})"] * len(LANES)))
"""For each lane the chunk and the place in it that come next, counted from 1."""
DAY_MS: Final = 24 * 60 * 60 * 1000
SLOT: Final = timedelta(minutes=10)
"""How finely the ended jobs of a store are counted."""


class Place(NamedTuple):
    """The place of an event in a lane."""

    chunk: int
    at: int


class Found(NamedTuple):
    """An event, and the place behind it in its lane."""

    event: Event
    lane: int
    next: Place


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, the newest first."""

    events: list[Event]
    next: str = ""
    """Where the next page begins; empty on the last one."""


class Tallies(NamedTuple):
    """How many jobs of a store have ended, in steps of time, the oldest first; the last step is the present one."""

    done: list[int]
    failed: list[int]

    def part(self, first: int, end: int | None) -> Tallies:
        """Those of some of the steps."""
        return Tallies(self.done[first:end], self.failed[first:end])


class Events:
    """The memory of a ledger. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        self._client = client
        self._scripts = scripts
        self._shapes: dict[str, str] = {}  # a name always means the same

    def page(self, wanted: EventFilter, begins: str = "", size: int = ROWS_PER_PAGE) -> EventPage:
        """The events that are meant, the newest first, from a place on that an earlier page has given."""
        places = places_in(begins) or self._ends()
        found = list(islice(self._newest(wanted, places, size), size + 1))
        for each in found[:size]:
            places[each.lane] = each.next
        return EventPage([each.event for each in found[:size]], _link(places) if len(found) > size else "")

    def pages(self, wanted: EventFilter, size: int) -> Iterator[list[Event]]:
        """All of them, a long page at a time."""
        begins, is_last = "", False
        while not is_last:
            page = self.page(wanted, begins, size)
            yield page.events
            begins, is_last = page.next, not page.next

    def life_of(self, job: Job) -> list[Event]:
        """What has become of a job, the newest first."""
        wanted = EventFilter(system_id=job.system_id, kind=job.kind, customer_id=job.customer_id)
        page = self.page(wanted, size=LONGEST_LIFE)
        return page.events if page.next else [*page.events, *self._read(attempts_of(self._client, job))]

    def tallies(
        self, systems: Sequence[int], span: timedelta, step: timedelta, until: datetime | None = None
    ) -> dict[int, Tallies]:
        """How many jobs of some stores have ended in each step of a `span` that ends now, or then, well and badly."""
        found: dict[int, Tallies] = {}
        for page in pages(systems, max(STORE_DAYS_AT_ONCE // (span.days + 1), 1)):
            found.update(zip(page, self._tallies(page, span, step, until), strict=True))
        return found

    def tally_of_all(self, span: timedelta, step: timedelta, until: datetime | None = None) -> Tallies:
        """The same of all stores together."""
        return self._tallies([ALL], span, step, until)[0]

    def _tallies(
        self, names: Sequence[int | str], span: timedelta, step: timedelta, until: datetime | None
    ) -> list[Tallies]:
        ends = round(until.timestamp() * 1000) if until else ""
        answer: Any = self._scripts.read(COUNT, [keys.PREFIX, span // SLOT, step // SLOT, ends, *names])
        return [Tallies(**counts) for counts in json.loads(answer)]

    def note(self, change: Change) -> None:
        """Note what a person has changed."""
        job = change.job
        system: int | str = job.system_id if job else "" if change.system_id is None else change.system_id
        about: Args = [keys.PREFIX, job.kind if job else "", system, job.customer_id if job else "", change.outcome]
        self._scripts.run(Effect.NOTE_CHANGE, [*about, change.code, str(change.asker), json.dumps(change.note)])

    def forget(self, keep_ms: int, most: int) -> int:
        """Forget what is older, and what is too many; answers how many chunks were forgotten, which may not be all."""
        return int(self._scripts.run(Effect.FORGET_EVENTS, [keys.PREFIX, keep_ms, most, FORGOTTEN_AT_ONCE]))

    def _ends(self) -> list[Place]:
        """The present end of each lane: what comes later is on no page that follows."""
        chunks = in_one_trip(self._client, lambda trip: [trip.get(keys.of("chunk", lane)) for lane in LANES])
        present = list(zip(LANES, [int(chunk or LATEST) for chunk in chunks], strict=True))
        sizes = in_one_trip(
            self._client, lambda trip: [trip.llen(keys.of("events", lane, chunk)) for lane, chunk in present]
        )
        return [Place(chunk, size - 1) for (_, chunk), size in zip(present, sizes, strict=True)]

    def _newest(self, wanted: EventFilter, places: Sequence[Place], size: int) -> Iterator[Found]:
        """The events of all lanes from these places on, the newest first."""
        listed = in_one_trip(
            self._client,
            lambda trip: [trip.zrange(keys.of("chunks", lane), 0, -1, withscores=True) for lane in LANES],
        )
        each = [
            self._of_lane(wanted, lane, _chunks(chunks, wanted), place, size)
            for lane, (chunks, place) in enumerate(zip(listed, places, strict=True))
        ]
        return merge(*each, key=lambda found: found.event.ended_at, reverse=True)

    def _of_lane(
        self, wanted: EventFilter, lane: int, chunks: Sequence[int], begins: Place, size: int
    ) -> Iterator[Found]:
        """The events of one lane; Redis is asked for more only when more are wanted."""
        left = [chunk for chunk in chunks if (chunk, 0) <= begins]
        index = begins.at if left[:1] == [begins.chunk] else END
        since = int(wanted.since.timestamp()) if wanted.since else 0
        until = int(wanted.until.timestamp()) if wanted.until else LATEST
        while left:
            args: Args = [keys.PREFIX, LANES[lane], since, until, size + 1, *wanted.args, index, *left[:CHUNKS_AT_ONCE]]
            chunk, at, *rows = self._scripts.read(LOOK, args)
            found = [Place(int(chunk), int(at)) for chunk, at in zip(rows[::3], rows[1::3], strict=True)]
            for place, event in zip(found, self._read(rows[2::3]), strict=True):
                if wanted.holds(event):
                    yield Found(event, lane, Place(place.chunk, place.at - 1))
            if chunk == "":
                left, index = left[CHUNKS_AT_ONCE:], END
            else:
                is_over = int(at) < 0
                left = left[left.index(int(chunk)) + is_over :]
                index = END if is_over else int(at)

    def _read(self, entries: Sequence[str]) -> list[Event]:
        names = {name for each in entries if isinstance(name := json.loads(each)[SHAPE], str) and name}
        if lacking := [each for each in names if each not in self._shapes]:
            [found] = in_one_trip(self._client, lambda trip: [trip.hmget(keys.of("shapes"), lacking)])
            self._shapes.update((name, text) for name, text in zip(lacking, found, strict=True) if text)
        return [Event.read(each, self._shapes) for each in entries]


def _chunks(listed: Sequence[tuple[str, float]], wanted: EventFilter) -> list[int]:
    """The chunks that can hold what is meant, the newest first; each with its first event's time as they are listed."""
    since = wanted.since.timestamp() * 1000 if wanted.since else 0
    until = wanted.until.timestamp() * 1000 if wanted.until else float("inf")
    firsts = {int(chunk): first for chunk, first in listed}
    # Its last event is before the next chunk's first one; after a step back of the clock, within a day of its own.
    ends = {chunk: max(firsts.get(chunk + 1, float("inf")), first + DAY_MS) for chunk, first in firsts.items()}
    found = [chunk for chunk, first in firsts.items() if first <= until and ends[chunk] >= since]
    return sorted(found, reverse=True)


def places_in(text: str) -> list[Place] | None:
    """The places in a link, one for each lane; None if it is no link of ours."""
    found = IN_LINK.fullmatch(text)
    numbers = list(map(int, found.groups())) if found else []
    return [Place(chunk, at - 1) for chunk, at in zip(numbers[::2], numbers[1::2], strict=True)] or None


def _link(places: Sequence[Place]) -> str:
    return "-".join(f"{place.chunk}-{place.at + 1}" for place in places)
