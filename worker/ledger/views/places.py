"""The newest jobs of many lists, a page at a time, in a few round trips however many lists and jobs there are."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, cast

from worker.jobs.job import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

IN_LINK: Final = re.compile(rf"(-?[0-9]{{1,15}})-({'|'.join(Kind)})-(.*)", re.DOTALL)
"""Its score, which is negative for a job at the front of a queue, its kind and its member."""


@dataclass(frozen=True, slots=True, order=True)
class JobPlace:
    """A job's place in the order of a list: pages hold while jobs come and go, as each begins behind the last's."""

    score: float
    kind: Kind
    member: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The place in a link; None if there is none."""
        found = IN_LINK.fullmatch(text)
        return cls(float(found[1]), Kind(found[2]), found[3]) if found else None

    def __str__(self) -> str:
        return f"{self.score:.0f}-{self.kind}-{self.member}"


@dataclass(frozen=True, slots=True, order=True)
class JobList:
    """A sorted set of the jobs of one kind and store."""

    name: str
    kind: Kind
    system_id: int

    def may_hold(self, place: JobPlace) -> bool:
        """Whether the job at a place can be in this list."""
        return (self.kind, str(self.system_id)) == (place.kind, place.member.partition(":")[0])

    def is_behind(self, place: JobPlace) -> bool:
        """Whether this list's jobs with the same time as `place` come after it, even if the list does not hold it.

        Either all of them do or none, because jobs of one time are in the order of their names, and those of one list
        begin alike.
        """
        return JobPlace(place.score, self.kind, f"{self.system_id}:") < place


class _Span(NamedTuple):
    """A list, and how many of its newest jobs are passed over."""

    jobs: JobList
    start: int = 0


def newest(
    client: redis.Redis, lists: Sequence[JobList], bounds: tuple[str, str], begins: JobPlace | None, size: int
) -> list[JobPlace]:
    """The newest places within bounds and behind `begins`, merged from every list that may hold them."""
    lowest, highest = bounds
    spans = [_Span(each) for each in lists]
    if begins:
        spans, highest = _behind(client, lists, begins), f"{begins.score:.0f}"
    if len(spans) > size:  # only the lists with the newest heads can hold one of the newest jobs
        heads = [(places[0], span) for span, places in _heads(client, spans, (lowest, highest), 1) if places]
        spans = [span for _, span in heapq.nlargest(size, heads)]
    return heapq.nlargest(
        size, (place for _, places in _heads(client, spans, (lowest, highest), size) for place in places)
    )


def _heads(
    client: redis.Redis, spans: Sequence[_Span], bounds: tuple[str, str], size: int
) -> Iterator[tuple[_Span, list[JobPlace]]]:
    """The newest places of each list, in one round trip."""
    lowest, highest = bounds
    pipeline = client.pipeline(transaction=False)
    for span in spans:
        pipeline.zrevrangebyscore(span.jobs.name, highest, lowest, start=span.start, num=size, withscores=True)
    for span, found in zip(spans, pipeline.execute(), strict=True):
        yield span, [JobPlace(score, span.jobs.kind, member) for member, score in found]


def _behind(client: redis.Redis, lists: Sequence[JobList], begins: JobPlace) -> list[_Span]:
    """The lists without the jobs that have the place's time but come no later than it in the order of the pages."""
    score = f"{begins.score:.0f}"
    pipeline = client.pipeline(transaction=False)
    for each in lists:
        pipeline.zcount(each.name, "-inf", f"({score}")
        pipeline.zcount(each.name, score, score)
    counts = iter(pipeline.execute())
    return [_Span(each, _passed(client, each, begins, next(counts), next(counts))) for each in lists]


def _passed(client: redis.Redis, jobs: JobList, begins: JobPlace, older: int, tied: int) -> int:
    """How many jobs of one list have the place's time but come no later than it."""
    if not jobs.may_hold(begins):
        return 0 if jobs.is_behind(begins) else tied
    end, rank = older + tied, cast("int | None", client.zrank(jobs.name, begins.member))
    if rank is None or not older <= rank < end:
        rank = _rank_where_it_was(client, jobs, begins, older, end)
    return end - rank


def _rank_where_it_was(client: redis.Redis, jobs: JobList, begins: JobPlace, older: int, end: int) -> int:
    """The rank of a job that has left the list: found by halving, as a hundred thousand jobs can share one time."""

    def place(rank: int) -> JobPlace:
        members: list[Any] = client.zrange(jobs.name, rank, rank)
        return JobPlace(begins.score, jobs.kind, str(next(iter(members), "")))

    return bisect_left(range(end), begins, lo=older, key=place)
