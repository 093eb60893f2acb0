"""Customer ids as people write them: separated by blanks, commas or lines; # starts a comment; each counts once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.config.text_file import Unreadable, decoded
from worker.jobs.errors import CustomerIdInvalid
from worker.jobs.job import NO_ID, customer_id
from worker.presentation.wording import printable, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FAULTS_SHOWN: Final = 20
"""How many bad ids are shown at most: a file that is not a list of ids can have thousands."""
UNDECODED: Final = "surrogateescape"
"""How a list is opened: bytes that are not UTF-8 are kept, so that a fault can name their line."""
LONGEST_SHOWN: Final = 40
"""Characters that are shown of what is no id: it may be anything, even an e-mail address."""


@dataclass(frozen=True, slots=True)
class Given:
    """A text that should be an id, and where it was found."""

    text: str
    place: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was given: the ids in their order, each once, and what is wrong with the rest."""

    ids: list[str]
    faults: list[str]
    """The first of them; see `FAULTS_SHOWN`."""
    fault_count: int
    is_text: bool = True
    """Whether everything given is UTF-8; else the first fault of that kind is the only one."""

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
            fault = f"{each.place}: {no_id(each.text)}"
            if encoding_fault(each.text):
                return Checked([], [fault], 1, is_text=False)
            count += 1
            faults += [fault] if count <= FAULTS_SHOWN else []
    return Checked(list(ids), faults, count)


def no_id(text: str) -> str:
    """Says why a text is no id."""
    return encoding_fault(text) or f"'{printable(shortened(text, LONGEST_SHOWN))}' {NO_ID}"


def encoding_fault(text: str) -> str:
    """Says why a text that was read with `UNDECODED` is not UTF-8; empty if it is."""
    try:
        decoded(text.encode(errors=UNDECODED))
    except Unreadable as error:
        return str(error)
    return ""


def in_lines(lines: Iterable[str], name: str) -> Iterator[Given]:
    """The ids in the lines of a list; `name` says where the list is from."""
    for number, line in enumerate(lines, start=1):
        for text in separated(line.partition("#")[0]):
            yield Given(text, f"{name}, line {number}")


def separated(text: str) -> list[str]:
    """The ids of one line without a comment."""
    return text.replace(",", " ").split()
