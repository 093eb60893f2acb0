"""How far the readings of a list have come: a value that the ledger keeps as text. See `worker.sync.readings`."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final


class Heading(StrEnum):
    """Which way the list is read."""

    FORTH = "forth"
    END = "end"
    """It is about to be read back: its last page is searched for."""
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the readings of a list."""

    page: int = 1
    """The page to be read next."""
    before: int = 0
    """The page that was read last; 0 before the first."""
    reading: int = 1
    """Which reading this is; the first goes forth, all others back."""
    heading: Heading = Heading.FORTH
    goal: int = 0
    """The page at which the first reading ends: the last that was announced when it began."""
    announced: int | None = None
    """How many pages the list has, as it said last."""
    is_doubted: bool = False
    """What the list announces is not used any more: it was longer than that, or far shorter."""
    last: int = 0
    """The last page that held anybody."""
    short_of: int = 0
    """How many pages were announced, if the last of them held nobody."""
    fruitless: int = 0
    """How many pages in a row showed no stranger."""
    leaps: int = 0
    """How far this reading has followed a list that grows: by steps at its end, and by pages on the way back."""
    strangers: int = 0
    """How many strangers this reading back has shown in front of the page that it began with."""
    twice: int = 0
    """How many customers this reading back has shown on two pages in a row."""
    hollow: int = 0
    """How many pages of this reading back, in front of the last, held nobody or the page before over again."""
    quiet: int = 0
    """How many readings back in a row showed no stranger."""
    found: int = 0
    """How many customers were asked for in this reading."""
    in_hand: int = 0
    """How many customers had a job already, in all readings."""
    unreadable: int = 0
    """How many entries of this reading had no id."""
    most_unreadable: int = 0
    """The largest number of such entries in any earlier reading."""
    has_ended: bool = False
    is_settled: bool = False
    """The last reading back proves that nobody was left out of the pages that there were."""
    logged: str = ""
    """The code of the error that was logged last."""

    @classmethod
    def read(cls, text: str) -> Place:
        """The place that a text holds. If it holds none, the beginning, which costs only reads.

        An older release wrote `<page>:<how many of its customers are done>`.
        """
        page, colon, _ = text.partition(":")
        if colon and page.isdecimal():
            return cls(page=int(page))
        try:
            held = json.loads(text)
            return cls(**{name: _field(start, held[name]) for name, start in BEGINNING.items() if name in held})
        except (ValueError, TypeError):
            return cls()

    def __str__(self) -> str:
        held = {name: value for name, start in BEGINNING.items() if (value := getattr(self, name)) != start}
        return json.dumps(held or {"page": self.page})

    @property
    def pages(self) -> int | None:
        """How many pages the list has; None if it does not say, or can't be believed."""
        return None if self.is_doubted else self.announced

    @property
    def again(self) -> int:
        """The page to be read again after a break, because the list may have moved meanwhile; 0 if there is none."""
        is_beside = abs(self.before - self.page) <= 1 and self.heading is not Heading.END
        return self.before if is_beside else 0

    @property
    def is_beyond(self) -> bool:
        """Whether the next page is behind the last that the list announces: an error there means the end."""
        if self.pages is None:
            return self.heading is Heading.END
        return self.page > self.pages

    @property
    def ended_short(self) -> bool:
        """Whether the list ended before the last page that it announced."""
        return self.last < self.short_of

    @property
    def is_complete(self) -> bool:
        """Whether it is proved that nobody was left out who was on the list all the time."""
        return self.is_settled and not (self.ended_short or self.hollow)

    @property
    def all_unreadable(self) -> int:
        """How many entries had no id, in the reading that had most of them."""
        return max(self.unreadable, self.most_unreadable)

    def among(self, strangers: int, *, found: int, in_hand: int = 0) -> Place:
        """The same place, after some customers of its page: how many were strangers, asked for, or had a job."""
        counted = strangers if self.heading is Heading.BACK else 0
        return replace(
            self, strangers=self.strangers + counted, found=self.found + found, in_hand=self.in_hand + in_hand
        )


BEGINNING: Final = {field.name: field.default for field in fields(Place)}
"""The fields of the first place. The text of a place holds those that differ from it."""


def _field(start: object, value: object) -> Any:
    """The value of a field that a text holds. Raises ValueError or TypeError if the field can't have it."""
    if isinstance(start, Heading):
        return Heading(str(value))
    if type(value) is not (int if start is None else type(start)):
        raise TypeError
    return value
