"""The newest jobs of many lists: every page in its order, and what a page costs."""

from __future__ import annotations

import random
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.integration.round_trips import RoundTrips
from worker.jobs.job import Kind
from worker.ledger.views.places import JobList, JobPlace, newest

if TYPE_CHECKING:
    import redis

EVERYTHING = ("-inf", "+inf")
SYSTEMS = [4, 40, 402, 4021, *range(5000, 5025)]
"""Numbers of which one begins like another, and more stores than a page has jobs."""


@pytest.fixture
def lists() -> list[JobList]:
    """The lists of all stores."""
    return [JobList(f"{kind}:{system_id}", kind, system_id) for kind, system_id in product(Kind, SYSTEMS)]


@pytest.fixture
def places(client: redis.Redis, lists: list[JobList]) -> list[JobPlace]:
    """Jobs in them, many of which share a time, newest first."""
    chance, made = random.Random(7), []  # noqa: S311 - nothing is to be kept secret
    for each in lists:
        for number in range(chance.randrange(9)):
            place = JobPlace(
                float(chance.choice([0, 5, 6, 1_800_000_000_000])), each.kind, f"{each.system_id}:{number}"
            )
            client.zadd(each.name, {place.member: place.score})
            made.append(place)
    return sorted(made, reverse=True)


def pages(client: redis.Redis, lists: list[JobList], size: int) -> list[JobPlace]:
    """All jobs, a page after the other."""
    found: list[JobPlace] = []
    begins: JobPlace | None = None
    while page := newest(client, lists, EVERYTHING, begins, size):
        found += page
        begins = JobPlace.read(str(page[-1]))
    return found


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_each_job_is_on_one_page_in_its_order(
    client: redis.Redis, lists: list[JobList], places: list[JobPlace], size: int
) -> None:
    """However many jobs share a time, in however many lists."""
    assert pages(client, lists, size) == places


def test_page_begins_where_its_first_job_was_though_it_has_left(
    client: redis.Redis, lists: list[JobList], places: list[JobPlace]
) -> None:
    """It may have changed its state since somebody saw it."""
    for position in range(0, len(places), 5):
        left = places[position]
        client.zrem(f"{left.kind}:{left.member.partition(':')[0]}", left.member)
        following = places[position + 1 : position + 4]
        assert newest(client, lists, EVERYTHING, left, 3) == following


def test_page_costs_the_same_however_many_stores_there_are(
    client: redis.Redis, redis_url: str, lists: list[JobList], places: list[JobPlace]
) -> None:
    """The times of all lists in one round trip, then their heads, then those that can be on the page."""
    assert client.dbsize()
    trips = RoundTrips(redis_url)
    assert trips.of(lambda: newest(trips.client, lists, EVERYTHING, None, 50)) == 2
    assert trips.of(lambda: newest(trips.client, lists, EVERYTHING, places[60], 50)) == 4
