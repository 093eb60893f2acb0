"""The API calls that an attempt made, as they are written to the ledger and shown in a job's history."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import takewhile
from typing import Final, Protocol

from worker.jobs.intents import Intent


class Api(StrEnum):
    """One of the two APIs, by the name that people know; each call is noted under that name."""

    IPAAS = "iPaaS.com"
    STAMPED = "Stamped.io"

    @property
    def key(self) -> str:
        """Its name in the keys of the ledger: `ipaas` or `stamped`."""
        return self.partition(".")[0].lower()


Shape = tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]
"""Of an attempt: the names of the fields that were sent, and its calls by API, method and route."""
NO_CALL: Final[Shape] = (), ()
ANSWERED_WELL = frozenset({Intent.ACCEPTED, Intent.CUSTOMERS})
"""The intents that show that an API works: it did what it was asked to, or it refused this one record and said so."""


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
    """What its answer meant; this is not kept."""
    sent: tuple[str, ...] = field(default=(), compare=False)
    """The names of the fields that it sent to Stamped.io."""

    @property
    def is_missing(self) -> bool:
        """Whether the answer was that there is no such record; an API that is down can answer the same."""
        return self.status in {404, 410}


class Gate(Protocol):
    """Every call passes it first; it raises if the call must not be made."""

    def before_read(self) -> None:
        """Wait for, or refuse, a call that changes nothing."""

    def before_write(self) -> None:
        """Wait for, or refuse, a call that changes something."""


def note_meaning(calls: list[MadeCall], intent: Intent) -> None:
    """Correct what the last call meant, once the job knows more than its first reading of the answer did.

    If the trouble is the whole store's, so is each 404 of that API right before it: an API that is down finds nobody.
    """
    *earlier, last = (place for place, call in enumerate(calls) if call.api is calls[-1].api)
    missing = takewhile(lambda place: calls[place].is_missing, reversed(earlier))
    for place in (last, *(missing if intent is Intent.STORES else ())):
        calls[place] = replace(calls[place], intent=intent)
