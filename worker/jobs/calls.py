"""The calls that an attempt made, as the ledger is told of them and as its history shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile

from worker.jobs.intents import Intent


class Api(StrEnum):
    """One of the two APIs, by the name that people know; calls are noted under it."""

    IPAAS = "iPaaS.com"
    STAMPED = "Stamped.io"

    @property
    def key(self) -> str:
        """Its name in the keys of the ledger: `ipaas` or `stamped`."""
        return self.partition(".")[0].lower()


ANSWERED_WELL = frozenset({Intent.ACCEPTED, Intent.CUSTOMERS})
"""What shows that an API works: it did what it was asked to, or refused this one record in so many words."""


@dataclass(frozen=True, slots=True)
class MadeCall:
    """One call of an API: its route is a path with `{names}`, so it holds nothing personal."""

    api: Api
    method: str
    route: str
    status: int | None
    """None if there was no answer."""
    ms: int
    intent: Intent = Intent.ACCEPTED
    """What its answer meant; the history does not keep it."""

    @property
    def is_missing(self) -> bool:
        """Whether it was answered that there is no such record; an API that is away can look so, too."""
        return self.status in {404, 410}

    @property
    def is_well(self) -> bool:
        """Whether its answer shows that the API works."""
        return self.intent in ANSWERED_WELL


def note_meaning(calls: list[MadeCall], intent: Intent) -> None:
    """Note what the last call meant: whoever asked knows better than the first look at its answer.

    If it was the whole store's, each 404 of that API right before it was, too: an API that is away knows nobody.
    """
    *earlier, last = (place for place, call in enumerate(calls) if call.api is calls[-1].api)
    missing = takewhile(lambda place: calls[place].is_missing, reversed(earlier))
    for place in (last, *(missing if intent is Intent.STORES else ())):
        calls[place] = replace(calls[place], intent=intent)
