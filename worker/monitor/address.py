"""What a page's address asks for. What of it is wrong is ignored, and the page says so, all of it at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from urllib.parse import urlencode

from worker.jobs.catalogue import CATALOGUE
from worker.presentation.ids import AT
from worker.presentation.wording import printable, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

Choice = TypeVar("Choice", bound=str)
Wanted = TypeVar("Wanted")

LABELS: Final = {
    "system": "connection",
    "customer": "customer id",
    "code": "error code",
    "tracking": "tracking id",
    "stamped": "Stamped.io id",
    "since": "from",
    "until": "to",
    "begins": "page",
}
"""What a value is called on the page, if that is not its name in the address."""
LONGEST_TEXT: Final = 100
LONGEST_SHOWN: Final = 40
"""Characters of a wrong value, which may be anything, that are shown."""
MOST_DIGITS: Final = 19
"""Of a number in an address: as many as an id has."""
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2105
"""Of the times that a filter takes: events note seconds in four bytes."""


class Address:
    """The values in an address by their names, and what is wrong with them."""

    def __init__(self, given: Mapping[str, Sequence[bytes]], names: Collection[str], zone: tzinfo = UTC) -> None:
        """`names`: those that the page knows. `zone`: of times that name none."""
        self.faults: list[str] = []
        self.doubts: list[str] = []
        """What is not wrong in itself, and nothing can fit it."""
        self._zone = zone
        self.given = {name: text for name in names if (text := self._read(name, given.get(name, [])))}
        self.faults += [f"{shown(name)}: this page knows nothing of this name" for name in given if name not in names]

    def text(self, name: str) -> str:
        """A text; empty if there is none."""
        return self.given.get(name, "")

    def number(self, name: str) -> str:
        """A whole number, as text; empty if there is none."""
        text = self.text(name)
        if not text or (number_of(text) is not None and (text == "0" or not text.startswith("0"))):
            return text
        limits = f"a whole number of at most {MOST_DIGITS} digits that does not begin with 0"
        self.wrong(name, f"{shown(text)} is not {limits}")
        return ""

    def count(self, name: str) -> int | None:
        """A whole number; None if there is none."""
        return number_of(self.number(name))

    def choice(self, name: str, choices: Sequence[Choice]) -> Choice | None:
        """One of some texts; None if there is none."""
        text = self.text(name)
        found = next((each for each in choices if each == text), None)
        if text and found is None:
            self.wrong(name, f"{shown(text)} is not one of {', '.join(choices)}")
        return found

    def code(self) -> str:
        """The code of an error; empty if there is none. One that this release does not know may be an older one's."""
        code = self.text("code")
        if code and code not in CATALOGUE:
            self.doubts.append(f"No error of this release has the code {shown(code)}; `stamped-sync errors` lists them")
        return code

    def time(self, name: str) -> datetime | None:
        """A time, in the zone unless it names its own; None if there is none."""
        text = self.text(name)
        moment = time_of(text, self._zone)
        if text and moment is None:
            self.wrong(name, f"{shown(text)} is not a time such as 2026-01-31T08:30")
        return moment

    def span(self) -> tuple[datetime | None, datetime | None]:
        """From when to when; neither if the end comes before the beginning."""
        since, until = self.time("since"), self.time("until")
        if since and until and until < since:
            self.wrong("since", f"it is later than to, {shown(self.text('until'))}, so neither of them counts")
            return None, None
        return since, until

    def link(self, name: str, is_link: Callable[[str], bool]) -> str:
        """Where a later page begins; empty if that cannot be read."""
        text = self.text(name)
        if text and not is_link(text):
            self.wrong(name, "it is no link to a later page, so this is the first")
            return ""
        return text

    def wrong(self, name: str, why: str) -> None:
        """Note that a value is ignored."""
        self.faults.append(f"{LABELS.get(name, name)}: {why}")

    def _read(self, name: str, values: Sequence[bytes]) -> str:
        texts = [each.decode(errors="replace").strip() for each in values]
        if len(set(texts)) > 1:
            self.wrong(name, f"it is given {len(texts)} times, so that only the last counts")
        text = texts[-1] if texts else ""
        if len(text) > LONGEST_TEXT or not text.isprintable() or "\N{REPLACEMENT CHARACTER}" in text:
            self.wrong(name, f"it has more than {LONGEST_TEXT} characters, or some that cannot be shown")
            return ""
        return text


@dataclass(frozen=True, slots=True)
class Query(Generic[Wanted]):
    """The filter in a page's address, so that a link to it can be shared."""

    given: Mapping[str, str]
    filter: Wanted
    faults: Sequence[str]
    """What is wrong in the address, and ignored."""
    doubts: Sequence[str] = ()
    """Why nothing can fit, as sentences without a full stop."""

    def link(self, **changed: str) -> str:
        """The address of the list with another filter; an empty value takes a field out of it."""
        query = {name: value for name, value in {**self.given, **changed}.items() if value}
        return f"?{urlencode(query)}"

    def doubting(self, doubt: str) -> Query[Wanted]:
        """The same with one doubt more, unless that is empty."""
        return replace(self, doubts=[*self.doubts, doubt]) if doubt else self


def number_of(text: str) -> int | None:
    """The number in an address or a form; None if there is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None


def time_of(text: str, zone: tzinfo = UTC) -> datetime | None:
    """The time in a text, in the zone unless it names its own; None if there is none."""
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def shown(text: str) -> str:
    """A value, as far as a page repeats it: no e-mail address, and no more than some characters."""
    return "what looks like an e-mail address" if AT.search(text) else printable(shortened(text, LONGEST_SHOWN))
