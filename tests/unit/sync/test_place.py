"""Where whoever reads a changing list stands: which page comes next, and when enough is proved."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from worker.sync.place import Heading, Place
from worker.sync.readings import FRUITLESS_PAGES, LEAST_READINGS, Shown, behind


def read_to_end(pages: dict[int, Shown], most: int = 5_000) -> tuple[Place, list[int]]:
    """Where the readings of pages that stay end, and which they read; those that are not there say what page 1 says."""
    place, read = Place(), list[int]()
    beyond = replace(pages.get(1, Shown(0)), strangers=0, is_hollow=True, unreadable=0)
    while not place.has_ended:
        assert len(read) < most
        read.append(place.page)
        shown = pages.get(place.page, beyond)
        is_known = place.page in read[:-1]
        strangers = 0 if is_known else shown.strangers
        place = behind(place.among(strangers, found=strangers), replace(shown, strangers=strangers))
    return place, read


def numbered(count: int, announced: int | None, strangers: int = 2) -> dict[int, Shown]:
    """Pages with strangers that say how many there are."""
    return {page: Shown(strangers, announced=announced) for page in range(1, count + 1)}


def test_list_that_stays_is_read_forth_and_back() -> None:
    """One page beyond the last is looked at: the list may say too few."""
    place, read = read_to_end(numbered(4, 4))
    assert read == [1, 2, 3, 4, 5, 4, 3, 2, 1]
    assert (place.reading, place.is_complete, place.found, place.last) == (2, True, 0, 4)


def test_list_of_one_page_is_read_once() -> None:
    """One answer can leave out nobody."""
    place, read = read_to_end(numbered(1, 1))
    assert (read, place.reading, place.is_complete) == ([1, 2], 1, True)


@pytest.mark.parametrize("announced", [0, 1, None])
def test_empty_list_ends(announced: int | None) -> None:
    """Whatever it says of its pages."""
    place, read = read_to_end({1: Shown(0, is_hollow=True, announced=announced)})
    assert len(read) <= 3
    assert (place.is_complete, place.ended_short) == (True, False)


def test_list_that_does_not_say_its_pages_ends_behind_some_that_hold_nobody() -> None:
    """And is read back all the same: it may have moved between two of its pages."""
    place, read = read_to_end(numbered(2, None))
    assert read == [1, 2, 3, 4, 5, 2, 1]
    assert place.is_complete


@pytest.mark.parametrize("announced", [1, 2])
def test_list_that_says_too_few_pages_is_read_on(announced: int) -> None:
    """Strangers beyond the last page show that the number is wrong."""
    place, read = read_to_end(numbered(5, announced))
    assert set(read) >= {1, 2, 3, 4, 5}
    assert (place.is_complete, place.last, place.ended_short) == (True, 5, False)


def test_list_that_ends_before_its_last_page_says_so() -> None:
    """Its last pages hold nobody."""
    place, _ = read_to_end(numbered(7, 9) | dict.fromkeys((8, 9), Shown(0, is_hollow=True, announced=9)))
    assert (place.ended_short, place.last, place.short_of) == (True, 7, 9)


def test_hundreds_of_empty_pages_are_passed_over() -> None:
    """They are counted, as whoever belongs on them was not shown."""
    empty = Shown(0, is_hollow=True, announced=500)
    pages = dict.fromkeys(range(2, 500), empty) | {1: Shown(2, announced=500), 500: Shown(2, announced=500)}
    place, _ = read_to_end(pages)
    assert (place.last, place.hollow, place.ended_short) == (500, 498, False)


def test_list_that_announces_no_end_of_pages_ends() -> None:
    """After a thousand that show nobody new; what is announced does not count any more."""
    place, read = read_to_end(numbered(2, 10**9))
    assert len(read) < FRUITLESS_PAGES + 20
    assert (place.last, place.ended_short, place.short_of) == (2, True, 10**9)


def test_list_that_announces_far_more_while_it_is_read_back_ends() -> None:
    """Nobody goes through a million pages that are not there."""
    place = Place()
    for number in range(200):
        if place.has_ended:
            break
        is_there = place.page <= 3
        announced = 3 if number < 4 else 10**9
        shown = Shown(2 if number < 3 else 0, is_hollow=not is_there, announced=announced)
        place = behind(place.among(0, found=0), shown)
    assert place.has_ended
    assert (place.ended_short, place.last) == (True, 3)


def test_stranger_on_the_way_back_calls_for_another_reading() -> None:
    """Whoever made room for them may have hidden somebody."""
    place = Place(heading=Heading.BACK, reading=2, page=1, before=2, announced=9, last=9)
    place = behind(place.among(1, found=1), Shown(1, announced=9))
    assert (place.has_ended, place.reading, place.heading, place.page) == (False, 3, Heading.END, 9)
    assert place.found == 0


def test_one_who_comes_twice_calls_for_another_reading() -> None:
    """A deletion may have taken the stranger away who had hidden somebody; two readings without any are enough."""
    place = Place(heading=Heading.BACK, reading=2, page=1, before=2, announced=9, last=9)
    place = behind(place, Shown(0, twice=1, announced=9))
    assert not place.has_ended
    place = behind(replace(place, heading=Heading.BACK, page=1, before=2), Shown(0, twice=1, announced=9))
    assert place.is_complete


def test_list_that_never_stays_is_given_up_on() -> None:
    """After some readings, and it is said that nothing is proved."""
    place = Place(heading=Heading.BACK, reading=LEAST_READINGS, page=1, before=2, announced=900, last=900, strangers=1)
    place = behind(place.among(1, found=1), Shown(1, announced=900))
    assert (place.has_ended, place.is_complete, place.found) == (True, False, 1)


def test_short_list_is_given_more_readings() -> None:
    """They cost little, and each change hides more of it."""
    place = Place(heading=Heading.BACK, reading=50, page=1, before=2, announced=10, last=10, strangers=1)
    assert not behind(place, Shown(1, announced=10)).has_ended


def test_list_that_grows_by_a_page_while_it_is_read_back_is_followed() -> None:
    """Those who come next have moved up by as much."""
    place = Place(heading=Heading.BACK, reading=2, page=5, before=6, announced=9, last=9)
    assert behind(place, Shown(0, announced=11)).page == 6


@pytest.mark.parametrize(
    "place",
    [
        Place(),
        Place(page=7, before=6, announced=9, last=6),
        Place(
            page=3, before=4, reading=2, heading=Heading.BACK, strangers=1, is_doubted=True, logged="ipaas-unreachable"
        ),
    ],
)
def test_place_is_kept_as_text(place: Place) -> None:
    """And read as it was."""
    assert Place.read(str(place)) == place
    assert str(place)


@pytest.mark.parametrize(
    ("text", "page"), [("7:100", 7), ("", 1), ("30", 1), ("x:y", 1), ("null", 1), ('{"page":"x"}', 1)]
)
def test_text_of_an_older_release_is_read(text: str, page: int) -> None:
    """Its page, where it names one; what can't be read begins the list anew."""
    assert Place.read(text) == Place(page=page)


def test_text_of_a_later_release_is_read() -> None:
    """A field that is not known is passed over."""
    assert Place.read(json.dumps({"page": 4, "before": 3, "mood": "good"})) == Place(page=4, before=3)
