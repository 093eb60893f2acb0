"""Lists that name customers: ids or e-mail addresses apart from each other, or a CSV file with a column named id.

Without a header, entries are separated by blanks, commas or lines, and a # at the beginning of a line or after a blank
starts a comment: inside an entry it may be a letter of an address. With a header, commas, semicolons or tabs separate
the columns, and cells can be quoted; only lines before the header can be comments.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from worker.jobs.job import CUSTOMER_ID
from worker.presentation.ids import AT, LONGEST_SHOWN, Given, encoding_fault
from worker.presentation.wording import counted, printable, shortened

if TYPE_CHECKING:
    from _csv import Reader
    from collections.abc import Iterable, Iterator, Sequence

SEPARATORS: Final = ",;\t"
ID_NAMES: Final = frozenset({"id", "customerid"})
"""The names of the column with the ids, without case, blanks, _ and -."""
COMMENT: Final = re.compile(r"(?:^|\s)#")
UNNAMED: Final = re.compile(r"[\s_-]+")
COLUMNS_SHOWN: Final = 12

NO_COLUMN: Final = (
    "looks like a header, and no column of it is named id: {0}. Name the one with the ids so, or give ids alone"
)
COLUMNS: Final = "is a header with {0} columns for the id, of which there must be one: {1}. Rename or remove the others"
MIXED: Final = (
    "has a column named id like a header, and yet an id or an e-mail address beside it. If it is a header, rename or "
    "remove that column; otherwise remove the word"
)
EMPTY_CELL: Final = "the cell in the column of the ids is empty"
TOO_WIDE: Final = (
    "has more cells than the header has columns, so the id may be in another one: quote the cells with {0}"
)
NO_CSV: Final = (
    "can't be read as CSV: a quotation mark is missing or stands in the wrong place, or a cell is longer than {0:,} "
    "characters"
)
SEPARATOR_NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs"}


def in_lines(lines: Iterable[str], name: str) -> Iterator[Given]:
    """What the lines of a list name; `name` says where the list is from."""
    numbered = enumerate(lines, start=1)
    first = next((each for each in numbered if _without_comment(each[1]).strip()), None)
    if first is None:
        return
    if header := header_in(first[1]):
        yield from _in_column(header, first[0], (line for _, line in numbered), name)
        return
    for number, line in chain([first], numbered):
        yield from at(f"{name}, line {number}", _without_comment(line))


def at(place: str, text: str) -> Iterator[Given]:
    """What a text names that stands at one place, without a comment."""
    texts = text.replace(",", " ").split()
    for number, each in enumerate(texts, start=1):
        yield Given(each, place, number if len(texts) > 1 else 0)


def _without_comment(line: str) -> str:
    return COMMENT.split(line, 1)[0]


# With a header -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a list."""

    separator: str
    columns: Sequence[str]

    @property
    def places(self) -> list[int]:
        """The places of the columns that are named id."""
        return [place for place, each in enumerate(self.columns) if UNNAMED.sub("", each).casefold() in ID_NAMES]

    @property
    def has_data(self) -> bool:
        """Whether a cell is an id or looks like an e-mail address, as no name of a column does."""
        return any(CUSTOMER_ID.fullmatch(each) or AT.search(each) for each in self.columns)

    @property
    def is_one(self) -> bool:
        """Whether it is a header: a column is named id, or there are several and all have names in letters."""
        named = [each for each in self.columns if each]
        is_in_words = len(named) > 1 and all(any(map(str.isalpha, each)) for each in named)
        return bool(self.places) or (is_in_words and not self.has_data)

    @property
    def fault(self) -> str:
        """Why the ids can't be found by it; empty if they can."""
        if self.has_data:
            return MIXED
        if len(self.places) == 1:
            return ""
        return COLUMNS.format(len(self.places), self._shown) if self.places else NO_COLUMN.format(self._shown)

    @property
    def _shown(self) -> str:
        shown = (f"'{printable(shortened(each, LONGEST_SHOWN))}'" for each in self.columns[:COLUMNS_SHOWN])
        more = len(self.columns) - COLUMNS_SHOWN
        return ", ".join(shown) + (f" and {counted(more, 'other')}" if more > 0 else "")


def header_in(line: str) -> Header | None:
    """The header that a line is; None if it is none. Its separator is the one that makes most of it."""
    if encoding_fault(line):
        return None
    found = [Header(each, _cells(line, each)) for each in SEPARATORS]
    headers = (each for each in found if each.is_one)
    return max(headers, key=lambda each: (bool(each.places), len(each.columns)), default=None)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return [each.strip() for each in next(_reader([line], separator), [])]
    except csv.Error:
        return []


def _in_column(header: Header, number: int, lines: Iterable[str], name: str) -> Iterator[Given]:
    """What the rows name that follow the header, which is line `number`."""
    if header.fault:
        yield Given("", f"{name}, line {number}", fault=header.fault)
        return
    [column] = header.places
    rows = _reader(lines, header.separator)
    while True:
        place = f"{name}, line {number + rows.line_num + 1}"
        try:
            yield from _in_row(header, column, next(rows), place)
        except csv.Error:
            yield Given("", place, fault=NO_CSV.format(csv.field_size_limit()))
        except StopIteration:
            return


def _in_row(header: Header, column: int, row: Sequence[str], place: str) -> Iterator[Given]:
    """What a row names in a column; nothing if all its cells are empty, as in rows that spreadsheets add at the end."""
    cells = [each.strip() for each in row]
    if not any(cells):
        return
    if any(cells[len(header.columns) :]):
        yield Given("", place, fault=TOO_WIDE.format(SEPARATOR_NAMES[header.separator]))
    elif text := "".join(cells[column : column + 1]):
        yield Given(text, place)
    else:
        yield Given("", place, fault=EMPTY_CELL)


def _reader(lines: Iterable[str], separator: str) -> Reader:
    """A reader that refuses what it would have to guess: an open quotation mark would hide all that follows."""
    return csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
