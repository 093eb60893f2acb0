"""How a list that changes meanwhile is read: which page comes next, and when it is proved that nobody was left out.

iPaaS.com's list can only be asked for by page number. When a customer is added to it or deleted from it, everybody
behind that one moves, and may move from a page that is yet to be read to one that was read already. So a reading from
the first page to the last finds nearly everybody, and proves nothing. After it, the list is read back, from its last
page to its first, until a reading back proves that nobody was left out, or until the list is given up on.

What a reading back proves: suppose that somebody was on the list all the time, and that the reading did not show them.

1. When one page had been read, they were still in front of it; when the next was read, they were behind that one.
   So they moved towards the end, and only a customer who is inserted in front of them moves them there.
2. The reading goes on to the front, and comes to the inserted one: a *stranger*, whom no earlier page has shown.
3. Unless the inserted one is deleted before that. Then everybody behind moves up again, and the first customer of the
   page that was just read is shown *twice*: on the next page, too.

So if a reading back shows no stranger, and nobody on two pages in a row, it has shown everybody who was on the list
from its beginning to its end, whatever was inserted and deleted. One coincidence escapes it: that the customer who
would be shown twice is deleted as well, between the same two pages. The list may have any order that stays the same.
A list of one page needs no proof, since one answer leaves out nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from worker.sync.place import Heading, Place

LEAST_READINGS: Final = 5
"""A list that changes during each reading is given up on after this many readings, or later if it is short."""
LEAST_PAGES: Final = 2_000
"""It is not given up on before about this many pages were read, since a few changes are enough to stir a short list."""
SHORTEST: Final = 10
"""A list of fewer pages than this counts as one of this many, so that it is not read a thousand times."""
QUIET_READINGS: Final = 2
"""This many readings back in a row without a stranger are proof enough, even if deletions made somebody come twice."""
FRUITLESS_PAGES: Final = 1_000
"""After this many pages in a row without a stranger, a list has ended, however many pages it announces."""
FRUITLESS_PAGES_UNANNOUNCED: Final = 3
"""The same for a list that does not announce its pages."""
LEAPS: Final = 10
"""How often, at the beginning of a reading back, the end of a growing list is followed."""
READ_TWICE_FROM: Final = 3
READ_TWICE_EVERY: Final = 5
"""From the third reading on, one page in five is read twice. Else changes in a steady rhythm, such as one for each page
that is read, could hide the same customers from each reading."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one page showed."""

    strangers: int = 0
    """How many customers no earlier page of this initialize had shown."""
    twice: int = 0
    """How many customers were on the page that was read before it, too."""
    is_hollow: bool = False
    """It held nobody, or was the page before over again."""
    announced: int | None = None
    """How many pages the list has, as the answer says."""
    is_whole: bool = False
    """It is known to be the whole list."""
    unreadable: int = 0
    """How many of its entries had no id."""


def behind(place: Place, shown: Shown) -> Place:
    """The next place, once the page at this one was read and showed this. `Place.among` has counted the strangers."""
    announced = place.announced if shown.announced is None else shown.announced
    is_denied = bool(shown.strangers) and announced is not None and place.page > announced
    is_second = place.page == place.before
    after = replace(
        place,
        before=place.page,
        goal=place.goal if place.before else shown.announced or 0,
        announced=announced,
        is_doubted=place.is_doubted or is_denied,
        unreadable=place.unreadable + (0 if is_second else shown.unreadable),
    )
    if place.heading is Heading.FORTH:
        return _forth(after, shown)
    after = replace(after, last=place.last if shown.is_hollow else max(place.last, place.page))
    grown = min(max((after.pages or 0) - (place.pages or 0), 0), LEAPS)
    if place.heading is Heading.END:
        return _at_end(after, shown, grown=grown)
    return _back(after, shown, grown=grown, is_second=is_second)


# The first reading ---------------------------------------------------------------------------------------------------


def _forth(place: Place, shown: Shown) -> Place:
    holds_somebody = bool(shown.strangers) or not (shown.is_hollow or place.is_beyond)
    fruitless = 0 if shown.strangers else place.fruitless + 1
    place = replace(place, last=place.page if holds_somebody else place.last, fruitless=fruitless)
    if place.pages is not None and place.page < place.pages and fruitless >= FRUITLESS_PAGES:
        last = max(place.page - fruitless, 0)
        return _turned(replace(place, is_doubted=True, short_of=place.pages, last=last))
    is_at_end = _is_at_end(place, shown)
    is_one_page = place.pages is not None and place.goal == place.last == 1
    if shown.is_whole or (is_one_page and is_at_end):
        return replace(place, page=1, has_ended=True, is_settled=True)
    return _turned(place) if is_at_end else replace(place, page=place.page + 1)


def _is_at_end(place: Place, shown: Shown) -> bool:
    """Whether the first reading ends here: one page beyond the last, since the list may announce too few.

    Pages that are added meanwhile are left to the reading back: a reading that follows them might never end.
    """
    if place.pages is None:
        return place.fruitless >= FRUITLESS_PAGES_UNANNOUNCED
    if place.page >= place.pages:
        return not shown.strangers or place.page > place.goal
    return place.page >= place.goal


def _turned(place: Place) -> Place:
    """The place at which reading back begins: the last page that is announced, or else the last that held anybody."""
    if place.pages is not None:
        return replace(_new_reading(place), page=_within_reach(place, place.pages))
    return _judged_at_front(replace(_new_reading(place), heading=Heading.BACK, page=place.last))


def _within_reach(place: Place, page: int) -> int:
    """The page, but not much further than the list was found to go: it may suddenly announce a million pages."""
    return max(min(page, 2 * max(place.last, place.page) + LEAPS), 1)


# The readings back ---------------------------------------------------------------------------------------------------


def _at_end(place: Place, shown: Shown, *, grown: int) -> Place:
    """Look for the last page. What it shows proves nothing yet: the reading back begins with it."""
    place = replace(place, fruitless=0 if shown.strangers else place.fruitless + 1)
    if place.pages is None:
        is_further = not shown.is_hollow and place.fruitless < FRUITLESS_PAGES_UNANNOUNCED
        page, further = place.page - 1, place.page + 1
    else:
        is_further = not shown.is_hollow and place.pages > place.page
        page, further = min(place.page - 1, place.pages), _within_reach(place, place.pages + grown)
        is_short = shown.is_hollow and place.pages >= place.page > 1
        place = replace(place, short_of=place.pages if is_short else 0)
    if is_further and place.leaps < LEAPS:
        return replace(place, page=further, leaps=place.leaps + 1)
    # A list that still goes on grows too fast. Those behind this page were not shown, which counts like a stranger: it
    # keeps this reading from being a proof.
    strangers = place.strangers + is_further
    return _judged_at_front(replace(place, heading=Heading.BACK, page=page, strangers=strangers))


def _back(place: Place, shown: Shown, *, grown: int, is_second: bool) -> Place:
    is_gap = shown.is_hollow and place.page < place.last and (place.pages is None or place.page <= place.pages)
    place = replace(place, twice=place.twice + shown.twice, hollow=place.hollow + is_gap)
    is_marked = (place.page * 7 + place.reading**2) % READ_TWICE_EVERY == 0
    if place.reading >= READ_TWICE_FROM and is_marked and not is_second:
        return place
    # When whole pages were added, the customers who come next have moved towards the end by as many pages.
    if grown and place.leaps < max(place.last, LEAPS):
        return replace(place, page=place.page - 1 + grown, leaps=place.leaps + grown)
    return _judged_at_front(replace(place, page=place.page - 1))


def _judged_at_front(place: Place) -> Place:
    """The place as it is, or, once a reading back has come to the front, its verdict: the end, or another reading."""
    if place.page >= 1:
        return place
    quiet = 0 if place.strangers or place.hollow else place.quiet + 1
    is_settled = quiet >= QUIET_READINGS or not (place.strangers or place.twice)
    most = max(LEAST_READINGS, LEAST_PAGES // max(place.last + place.leaps, SHORTEST))
    if is_settled or place.reading >= most:
        return replace(place, page=1, has_ended=True, is_settled=is_settled)
    page = place.last + 1 if place.pages is None else _within_reach(place, place.pages)
    return replace(_new_reading(place), page=page, quiet=quiet)


def _new_reading(place: Place) -> Place:
    return replace(
        place,
        reading=place.reading + 1,
        heading=Heading.END,
        last=0,
        short_of=place.short_of if place.is_doubted else 0,
        fruitless=0,
        leaps=0,
        strangers=0,
        twice=0,
        hollow=0,
        found=0,
        unreadable=0,
        most_unreadable=max(place.most_unreadable, place.unreadable),
    )
