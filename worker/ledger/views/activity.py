"""The jobs as an operator looks at them: newest first, a page at a time; the failed ones in groups.

Nothing here reads more of the ledger than what is shown, however many jobs it holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, product
from typing import TYPE_CHECKING, Protocol

from worker.jobs.job import PAGE, Job, Kind, State
from worker.ledger import keys
from worker.ledger.records import moment
from worker.ledger.scripting import available, in_one_trip, together
from worker.ledger.views.places import JobList, JobPlace, newest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import redis
    from redis.client import Pipeline

    from worker.ledger.records import Record
    from worker.ledger.scripting import Found

ROWS_PER_PAGE = 50
SUSPICIOUS = 5
"""After so many failures without a success since, a group looks like a fault of the configuration."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs are meant; what is not given does not matter."""

    system_id: int | None = None
    kind: Kind | None = None
    state: State | None = None
    code: str = ""
    """Of an error that a job has failed with."""
    customer_id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, record: Record) -> bool:
        """Whether a job is meant: for those that are looked up by their customer."""
        changed_at = record.changed_at
        return (
            (self.state is None or record.state is self.state)
            and (not self.code or (record.state is State.FAILED and _code_of(record) == self.code))
            and (self.since is None or (changed_at is not None and changed_at >= self.since))
            and (self.until is None or (changed_at is not None and changed_at <= self.until))
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, newest first."""

    records: list[Record]
    next: str = ""
    """Where the next page begins; empty on the last one."""


@dataclass(frozen=True, slots=True)
class GroupNote:
    """What somebody has noted of a group of failed jobs."""

    user: str
    text: str
    at: datetime
    new_since: int
    """How many of its jobs have failed since."""


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs of one kind and store that failed with one error."""

    system_id: int
    kind: Kind
    code: str
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    note: GroupNote | None
    """What somebody has noted of it."""
    is_suspicious: bool
    """Nothing has ended well there since the last few failed: more likely the configuration than the data."""


class Jobs(Protocol):
    """What the views need of the ledger."""

    def systems(self) -> list[int]:
        """The systems that ever had a job."""

    def records(self, jobs: Sequence[Job]) -> list[Record | None]:
        """Many jobs."""


class Activity:
    """The views of a ledger. All raise LedgerUnavailable when Redis does not answer."""

    def __init__(self, client: redis.Redis, ledger: Jobs) -> None:
        self._client = client
        self._ledger = ledger

    def page(self, wanted: Filter, begins: str = "", size: int = ROWS_PER_PAGE) -> Page:
        """The jobs that are meant, newest first, from behind a place on.

        Queued jobs come in the order of their turn, waiting ones in that of their due time, the last first.
        """
        if wanted.customer_id:
            return Page(self._of_customer(wanted))
        with available():
            places = newest(self._client, list(self._lists(wanted)), _bounds(wanted), JobPlace.read(begins), size + 1)
        jobs = [keys.job_of(place.kind, place.member) for place in places[:size]]
        records = [record for record in self._ledger.records(jobs) if record]
        return Page(records, str(places[size - 1]) if len(places) > size else "")

    def pages(self, wanted: Filter) -> Iterator[list[Record]]:
        """All of them, a long page at a time. Each begins behind the one before, so that jobs may leave meanwhile."""
        begins, is_last = "", False
        while not is_last:
            page = self.page(wanted, begins, PAGE)
            if page.records:
                yield page.records
            begins, is_last = page.next, not page.next

    def count(self, wanted: Filter) -> int:
        """How many jobs are meant."""
        if wanted.customer_id:
            return len(self._of_customer(wanted))
        lowest, highest = _bounds(wanted)
        names = [each.name for each in self._lists(wanted)]
        return sum(in_one_trip(self._client, lambda trip: [trip.zcount(name, lowest, highest) for name in names]))

    def counts(self, wanted: Filter) -> dict[State, int]:
        """How many jobs of the connection and kind that are meant there are in each state."""
        systems, kinds = self._systems(wanted), self._kinds(wanted)
        lists = [keys.of(state, kind, system_id) for state, kind, system_id in product(State, kinds, systems)]
        sizes = iter(in_one_trip(self._client, lambda trip: [trip.zcard(each) for each in lists]))
        return {state: sum(islice(sizes, len(kinds) * len(systems))) for state in State}

    def counts_of(self, system_id: int | None = None, kind: Kind | None = None) -> dict[State, int]:
        """The same for one connection, or one kind, or everything."""
        return self.counts(Filter(system_id, kind))

    def groups(self) -> list[Group]:
        """The failed jobs by kind, store and error, the largest group first: two round trips for all of them."""
        found: Found = {}
        with available():
            with together(self._client, found) as ask:
                for kind in Kind:
                    ask("names", kind).smembers(keys.of(keys.CODES, kind))
                    ask("last done", kind).hgetall(keys.of(keys.LAST_DONE, kind))
                ask("notes").hgetall(keys.NOTES)
            names = [(kind, name) for kind in Kind for name in found["names", kind]]
            with together(self._client, found) as ask:
                for kind, name in names:
                    _ask_group(ask, kind, name, found["notes",].get(f"{kind}:{name}"))
        groups = (_group(found, kind, name) for kind, name in names if found["count", kind, name])
        return sorted(groups, key=lambda group: (-group.count, group.system_id, group.kind, group.code))

    def latest_of(self, groups: Sequence[Group], size: int) -> list[list[Record]]:
        """The last jobs of each of many groups, in two round trips."""
        lists = [keys.of(keys.CODE, group.kind, group.system_id, group.code) for group in groups]
        members = in_one_trip(self._client, lambda trip: [trip.zrevrange(each, 0, size - 1) for each in lists])
        jobs = [
            keys.job_of(group.kind, member) for group, found in zip(groups, members, strict=True) for member in found
        ]
        records = iter(self._ledger.records(jobs))
        return [[record for record in islice(records, len(found)) if record] for found in members]

    def _of_customer(self, wanted: Filter) -> list[Record]:
        jobs = [
            Job(kind, system_id, wanted.customer_id)
            for kind, system_id in product(self._kinds(wanted), self._systems(wanted))
        ]
        records = [record for record in self._ledger.records(jobs) if record and wanted.holds(record)]
        return sorted(
            records, key=lambda record: record.changed_at.timestamp() if record.changed_at else 0, reverse=True
        )

    def _lists(self, wanted: Filter) -> Iterator[JobList]:
        list_name = wanted.state or keys.RECENT
        for kind, system_id in product(self._kinds(wanted), self._systems(wanted)):
            if not wanted.code:
                yield JobList(keys.of(list_name, kind, system_id), kind, system_id)
            elif wanted.state in {None, State.FAILED}:
                yield JobList(keys.of(keys.CODE, kind, system_id, wanted.code), kind, system_id)

    def _kinds(self, wanted: Filter) -> list[Kind]:
        return [wanted.kind] if wanted.kind else list(Kind)

    def _systems(self, wanted: Filter) -> list[int]:
        return self._ledger.systems() if wanted.system_id is None else [wanted.system_id]


def _bounds(wanted: Filter) -> tuple[str, str]:
    lowest = f"{wanted.since.timestamp() * 1000:.0f}" if wanted.since else "-inf"
    highest = f"{wanted.until.timestamp() * 1000:.0f}" if wanted.until else "+inf"
    return lowest, highest


def _code_of(record: Record) -> str:
    return record.failure.code if record.failure else ""


def _ask_group(ask: Callable[..., Pipeline], kind: Kind, name: str, noted: str | None) -> None:
    index = keys.of(keys.CODE, kind, name)
    ask("count", kind, name).zcard(index)
    for place in (0, -1, -SUSPICIOUS):
        ask(place, kind, name).zrange(index, place, place, withscores=True)
    if noted:
        ask("new", kind, name).zcount(index, f"({noted.partition(' ')[0]}", "+inf")


def _group(found: Found, kind: Kind, name: str) -> Group:
    system_id, code = name.split(":")
    first, last, fifth = ([time for _, time in found[place, kind, name]] for place in (0, -1, -SUSPICIOUS))
    done = float(found["last done", kind].get(system_id, 0))
    return Group(
        system_id=int(system_id),
        kind=kind,
        code=code,
        count=found["count", kind, name],
        first_seen=moment(first[0]) if first else None,
        last_seen=moment(last[0]) if last else None,
        note=_note(found, kind, name),
        is_suspicious=bool(fifth) and done < fifth[0],
    )


def _note(found: Found, kind: Kind, name: str) -> GroupNote | None:
    noted = found["notes",].get(f"{kind}:{name}")
    if noted is None:
        return None
    at, _, as_json = noted.partition(" ")
    entry = json.loads(as_json)
    since = datetime.fromtimestamp(float(at) / 1000, UTC)
    return GroupNote(entry["user"], entry["text"], since, found["new", kind, name])
