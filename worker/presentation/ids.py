"""Customer ids as people write them: separated by blanks, commas or lines; # starts a comment; each counts once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.config.text_file import Unreadable, decoded
from worker.jobs.errors import CustomerIdInvalid
from worker.jobs.job import NO_ID, customer_id
from worker.presentation.screen import printable, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FAULTS_SHOWN: Final = 20
"""How many bad ids are shown at most: a file that is not a list of ids can have thousands."""
UNDECODED: Final = "surrogateescape"
"""How a list is opened, so that a fault can tell bytes that are not UTF-8."""
LONGEST_SHOWN: Final = 40
"""Characters that are shown of what is no id: it may be anything, even an e-mail address."""


@dataclass(frozen=True, slots=True)
class Given:
    """A text that should be an id, and where it was found."""

    text: str
    place: str

    @property
    def fault(self) -> str:
        """What is wrong with it, if it is no id."""
        try:
            return f"{self.place}: {no_id(decoded(self.text.encode(errors=UNDECODED)))}"
        except Unreadable as error:
            return f"{self.place}: {error}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was given: the ids in their order, each once, and what is wrong with the rest."""

    ids: list[str]
    faults: list[str]
    """The first of them; see `FAULTS_SHOWN`."""
    fault_count: int

    @property
    def faults_left_out(self) -> int:
        """How many more there are than are shown."""
        return self.fault_count - len(self.faults)


def checked(given: Iterable[Given]) -> Checked:
    """Separate the ids from whatever is no id."""
    ids: dict[str, None] = {}
    faults: list[str] = []
    count = 0
    for each in given:
        try:
            ids[customer_id(each.text)] = None
        except CustomerIdInvalid:
            count += 1
            if count <= FAULTS_SHOWN:
                faults.append(each.fault)
    return Checked(list(ids), faults, count)


def no_id(text: str) -> str:
    """Says that a text is no id."""
    return f"'{printable(shortened(text, LONGEST_SHOWN))}' {NO_ID}"


def in_lines(lines: Iterable[str], name: str) -> Iterator[Given]:
    """The ids in the lines of a list; `name` says where the list is from."""
    for number, line in enumerate(lines, start=1):
        for text in separated(line.partition("#")[0]):
            yield Given(text, f"{name}, line {number}")


def separated(text: str) -> list[str]:
    """The ids of one line without a comment."""
    return text.replace(",", " ").split()
