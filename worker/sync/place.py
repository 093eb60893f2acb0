"""How far the reading of a list that changes meanwhile has come, and which page comes next.

A list has nothing but page numbers, and whoever is deleted from it, or inserted into it, shifts all that come behind.
So it is read forth, page by page, which finds nearly everybody, and then back, from its end to its front, until a
reading back proves that nobody was left out.

Why a reading back can prove it: take somebody who is on the list all the time, and whom it does not show. When it had
read a page, they were in front of that page, and when it read the next, they were behind that one. So somebody was
inserted in front of them, between the two. The reading goes on to the front, and comes to the one who was inserted: a
stranger, whom no earlier page has shown. Or that one is deleted before, which moves the others up again, and the first
of the page that was read last is on the next page, too. So a reading back that shows no stranger, and nobody on two
pages in a row, has shown everybody who was on the list from its beginning to its end, whatever was deleted. (It is not
noticed if that first one is deleted as well, between the same two pages.) The list may come in any order, as long as
that stays. A list of one page needs no proof: one answer can leave out nobody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

LEAST_READINGS: Final = 5
"""How often a list is read at least before one that changes all the time is given up on."""
LEAST_PAGES: Final = 2_000
"""A short list, which even a few changes can stir up, is read more often: until about this many pages were read."""
SHORTEST: Final = 10
"""A list of fewer pages counts as one of ten."""
QUIET_READINGS: Final = 2
"""How many readings back in a row without a stranger are proof enough, although deletions made some come twice."""
FRUITLESS_PAGES: Final = 1_000
"""How many pages in a row that show nobody new end a list, whatever number of pages it announces."""
FRUITLESS_PAGES_UNTOLD: Final = 3
"""The same for a list that does not say how many pages it has."""
LEAPS: Final = 10
"""How often the end of a list that grows is followed at the beginning of a reading back."""
READ_TWICE_FROM: Final = 3
READ_TWICE_EVERY: Final = 5
"""From the third reading on, one page in five is read twice, so that changes in a regular rhythm, one for each page
that is read, do not hide the same customers each time."""


class Heading(StrEnum):
    """Which way the list is read."""

    FORTH = "forth"
    END = "end"
    """It is about to be read back, and its last page is looked for."""
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one page showed."""

    strangers: int
    """How many customers no page of this initialize had shown before."""
    twice: int = 0
    """How many were on the page that was read before it, too."""
    is_hollow: bool = False
    """It held nobody, or was the page before over again."""
    announced: int | None = None
    """How many pages the list has, as the answer says."""
    is_whole: bool = False
    """It is known to be all of the list."""
    unreadable: int = 0
    """How many of its entries had no id."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the readings of a list; as text it is kept in the ledger."""

    page: int = 1
    """The page to be read next."""
    before: int = 0
    """The page that was read last; 0 before the first."""
    reading: int = 1
    heading: Heading = Heading.FORTH
    goal: int = 0
    """Where the first reading ends: at the last page that was announced as it began."""
    announced: int | None = None
    is_doubted: bool = False
    """The list was longer than it said, or far shorter: what it says does not count any more."""
    last: int = 0
    """The last page that held anybody."""
    short_of: int = 0
    """How many pages were announced, if the last of them held nobody."""
    fruitless: int = 0
    leaps: int = 0
    strangers: int = 0
    """How many came up in this reading back, behind its first page."""
    twice: int = 0
    hollow: int = 0
    """How many pages of this reading back, in front of the last, held nobody or the page before over again."""
    quiet: int = 0
    found: int = 0
    """How many customers were asked for in this reading."""
    in_hand: int = 0
    """How many customers had a job already, in all readings."""
    unreadable: int = 0
    """How many entries of this reading had no id."""
    most_unreadable: int = 0
    has_ended: bool = False
    is_settled: bool = False
    """The last reading back proves that nobody was left out of the pages that there were."""
    told: str = ""
    """The code of the error that was logged last."""

    @classmethod
    def read(cls, text: str) -> Place:
        """The place that a text names; the beginning if it names none, which costs nothing but reads.

        An older release noted `<page>:<how many of it are done>`.
        """
        page, colon, _ = text.partition(":")
        if colon and page.isdecimal():
            return cls(page=int(page))
        try:
            held = json.loads(text)
            return cls(**{name: _field(usual, held[name]) for name, usual in USUAL.items() if name in held})
        except (ValueError, TypeError):
            return cls()

    def __str__(self) -> str:
        held = {name: value for name, usual in USUAL.items() if (value := getattr(self, name)) != usual}
        return json.dumps(held or {"page": self.page})

    @property
    def pages(self) -> int | None:
        """How many pages the list has, as far as that can be believed."""
        return None if self.is_doubted else self.announced

    @property
    def again(self) -> int:
        """The page to be read again after a break, since it may have moved meanwhile: the one beside the next, or 0."""
        is_beside = abs(self.before - self.page) <= 1 and self.heading is not Heading.END
        return self.before if is_beside else 0

    @property
    def is_beyond(self) -> bool:
        """Whether the next page is behind the last that the list says it has: an error is its end."""
        if self.pages is None:
            return self.heading is Heading.END
        return self.page > self.pages

    @property
    def ended_short(self) -> bool:
        """Whether the list ended before its last page."""
        return self.last < self.short_of

    @property
    def is_complete(self) -> bool:
        """Whether it is proved that nobody was left out who was on the list all the time."""
        return self.is_settled and not (self.ended_short or self.hollow)

    @property
    def all_unreadable(self) -> int:
        """How many entries had no id: of the reading that had most."""
        return max(self.unreadable, self.most_unreadable)

    def among(self, strangers: int, *, found: int, in_hand: int = 0) -> Place:
        """The same place, behind some customers of its page, with these numbers of strangers and of those asked for."""
        counted = strangers if self.heading is Heading.BACK else 0
        return replace(
            self, strangers=self.strangers + counted, found=self.found + found, in_hand=self.in_hand + in_hand
        )

    def behind(self, shown: Shown) -> Place:
        """The place behind a page that showed this. Its strangers are counted by `among`, as they are met."""
        announced = self.announced if shown.announced is None else shown.announced
        is_denied = bool(shown.strangers) and announced is not None and self.page > announced
        is_second = self.page == self.before
        place = replace(
            self,
            before=self.page,
            goal=self.goal if self.before else shown.announced or 0,
            announced=announced,
            is_doubted=self.is_doubted or is_denied,
            unreadable=self.unreadable + (0 if is_second else shown.unreadable),
        )
        if self.heading is Heading.FORTH:
            return _forth(place, shown)
        grown = min(max((place.pages or 0) - (self.pages or 0), 0), LEAPS)
        if self.heading is Heading.END:
            return _at_end(place, shown, grown=grown)
        return _back(place, shown, grown=grown, is_second=is_second)


USUAL: Final = {field.name: field.default for field in fields(Place)}
"""A place is written down by what is not as it is at the beginning."""


def _field(usual: object, value: object) -> Any:
    """A field's value as a text holds it. Raises ValueError or TypeError if it can't be one of that field."""
    if isinstance(usual, Heading):
        return Heading(str(value))
    if type(value) is not (int if usual is None else type(usual)):
        raise TypeError
    return value


def _forth(place: Place, shown: Shown) -> Place:
    is_last = bool(shown.strangers) or not (shown.is_hollow or place.is_beyond)
    fruitless = 0 if shown.strangers else place.fruitless + 1
    place = replace(place, last=place.page if is_last else place.last, fruitless=fruitless)
    if place.pages is not None and place.page < place.pages and fruitless >= FRUITLESS_PAGES:
        last = max(place.page - fruitless, 0)
        return _turned(replace(place, is_doubted=True, short_of=place.pages, last=last))
    is_all = place.pages is not None and place.goal == place.last == 1
    if shown.is_whole or (is_all and _is_at_end(place, shown)):
        return replace(place, page=1, has_ended=True, is_settled=True)
    return _turned(place) if _is_at_end(place, shown) else replace(place, page=place.page + 1)


def _is_at_end(place: Place, shown: Shown) -> bool:
    """Whether the first reading ends here. One page beyond the last is looked at: the list may say too few.

    Pages that are added meanwhile are left to the reading back, or a list that grows fast would never be read.
    """
    if place.pages is None:
        return place.fruitless >= FRUITLESS_PAGES_UNTOLD
    if place.page >= place.pages:
        return not shown.strangers or place.page > place.goal
    return place.page >= place.goal


def _turned(place: Place) -> Place:
    """The place once the first reading has ended: back, from the last page that is announced, or that was found."""
    if place.pages is not None:
        return replace(_new_reading(place), page=_within_reach(place, place.pages))
    return _judged_at_front(replace(_new_reading(place), heading=Heading.BACK, page=place.last))


def _within_reach(place: Place, page: int) -> int:
    """A page that the list may well have come to; one that says a million all of a sudden is not believed at once."""
    return max(min(page, 2 * max(place.last, place.page) + LEAPS), 1)


def _at_end(place: Place, shown: Shown, *, grown: int) -> Place:
    """At what may be the last page. What it shows proves nothing yet: the reading back begins with it."""
    place = replace(
        place,
        last=place.last if shown.is_hollow else max(place.last, place.page),
        fruitless=0 if shown.strangers else place.fruitless + 1,
    )
    if place.pages is None:
        is_further = not shown.is_hollow and place.fruitless < FRUITLESS_PAGES_UNTOLD
        page, further = place.page - 1, place.page + 1
    else:
        is_further = not shown.is_hollow and place.pages > place.page
        page, further = min(place.page - 1, place.pages), _within_reach(place, place.pages + grown)
        is_short = shown.is_hollow and place.pages >= place.page > 1
        place = replace(place, short_of=place.pages if is_short else 0)
    if is_further and place.leaps < LEAPS:
        return replace(place, page=further, leaps=place.leaps + 1)
    strangers = place.strangers + is_further  # it grows too fast: whoever is behind was not shown
    return _judged_at_front(replace(place, heading=Heading.BACK, page=page, strangers=strangers))


def _back(place: Place, shown: Shown, *, grown: int, is_second: bool) -> Place:
    is_gap = shown.is_hollow and place.page < place.last and (place.pages is None or place.page <= place.pages)
    place = replace(
        place,
        twice=place.twice + shown.twice,
        hollow=place.hollow + is_gap,
        last=place.last if shown.is_hollow else max(place.last, place.page),
    )
    is_marked = (place.page * 7 + place.reading**2) % READ_TWICE_EVERY == 0
    if place.reading >= READ_TWICE_FROM and is_marked and not is_second:
        return place
    if grown and place.leaps < max(place.last, LEAPS):  # by whole pages: whoever comes next was moved up by these
        return replace(place, page=place.page - 1 + grown, leaps=place.leaps + grown)
    return _judged_at_front(replace(place, page=place.page - 1))


def _judged_at_front(place: Place) -> Place:
    """The verdict, if a reading back has come to the front: the end, or another reading."""
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
