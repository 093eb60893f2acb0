"""Turns a mapping collection of iPaaS.com into the text of a mapping file, or says of each row why it can't.

Nothing is dropped in silence: what a mapping file can't say is refused, with the row's number and what to do, and what
was left out because nothing is lost by it is noted.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.config.faults import unknown
from worker.mapping.collection import (
    CHILDREN,
    DEFAULT,
    DELETES,
    DESTINATION,
    FILTERS,
    KINDS,
    KNOWN,
    ROWS,
    SOURCE,
    SYNC_TYPE,
    SYNC_TYPES,
    TRANSLATIONS,
    TYPE,
    Kind,
    cut,
    is_empty,
    key,
    kind_of,
    shown,
)
from worker.mapping.file import destination_findings, row_findings
from worker.mapping.rows import CUSTOM_FIELDS, DESTINATIONS, SOURCES, SUBSCRIPTION, RowType, folded
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.config.toml_file import Table

NOT_CARRIED: Final = {
    Kind.LOOKUP: (
        "a collection names only the id of its translations, and not the pairs",
        "Write the row into a mapping file by hand, with translate = {{ … }} and the pairs of {translations}",
    ),
    Kind.FORMULA: (
        "a formula is C#, which does not run here",
        "Let iPaaS.com put the result into a field or custom field, and map that",
    ),
    Kind.REGEX: (
        "a mapping file has no regular expressions",
        "Map a field that needs none, or write the row by hand with a translate = {{ … }} that names its texts",
    ),
}
"""The types that can't be carried over: why, and what to do."""

LONGEST: Final = 1_000
"""Characters of a text that can be carried over: far more than any name has."""
MOST_NAMES: Final = 20
"""Names of fields that are shown."""
MOST_ROWS: Final = 500
"""Rows, and children, that are looked at one by one: far more than there are destinations."""
WHAT_IT_READS: Final = {"type": TYPE, "source": SOURCE, "value": SOURCE, "destination": DESTINATION, "default": DEFAULT}
"""Which field of iPaaS.com's row becomes which key of the mapping file."""
HALF: Final = re.compile("[\ud800-\udfff]")
"""JSON can hold one half of a pair that makes a character; UTF-8 has no place for it."""
BY_HAND: Final = "Correct the row in iPaaS.com and import again, or write the mapping file by hand"
SUPPORT: Final = (
    "Look at the collection in iPaaS.com; if it is right there, report this to whoever maintains this software"
)
OTHER_COLLECTION: Final = "Import the collection that adds and updates Stamped.io customers from iPaaS.com"
"""What to do about what was found."""


@dataclass(frozen=True)
class Refusal:
    """What can't be carried over: where it is in the collection, what is wrong, and what to do."""

    place: str
    problem: str
    resolution: str

    def __str__(self) -> str:
        return f"{self.place}: {masked(self.problem)}. {self.resolution}."


@dataclass(frozen=True)
class Imported:
    """A mapping file, whose text is empty if anything was refused. `notes` say what was left out."""

    text: str
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...] = ()


def read_collection(collection: dict[str, Any], collection_id: str) -> Imported:
    """The mapping file that does what a collection does. Never raises, whatever the collection holds."""
    rows = collection.get(ROWS)
    listed = rows if isinstance(rows, list) and len(rows) <= MOST_ROWS else []
    read = [_Row(number, row) for number, row in enumerate(listed, start=1)]
    refusals = [*_of_collection(collection), *(refusal for row in read for refusal in row.refusals())]
    if read:
        refusals += _of_destinations(read)
    notes = (*_of_sync_type(collection), *(note for row in read for note in row.notes()), *_unknown(collection, listed))
    return Imported("" if refusals else _text(collection_id, read), tuple(refusals), notes)


# The collection itself ------------------------------------------------------------------------------------------------


def _of_collection(collection: dict[str, Any]) -> Iterator[Refusal]:
    for name in FILTERS:
        if not is_empty(collection.get(name)):
            problem = "is not empty: it leaves customers out, and here every customer of a connection is transferred"
            yield Refusal(name, problem, "Import a collection without it, if every customer may be transferred")
    if not is_empty(collection.get(CHILDREN)):
        yield from _of_children(collection[CHILDREN])
    if DELETES in key(collection.get(SYNC_TYPE)):
        yield Refusal(SYNC_TYPE, "says that the collection deletes, and nothing is ever deleted here", OTHER_COLLECTION)
    rows = collection.get(ROWS)
    if not isinstance(rows, list):
        yield Refusal(ROWS, f"is {kind_of(rows)} and not a list of rows", SUPPORT)
    elif not rows:
        yield Refusal(ROWS, "holds no row", OTHER_COLLECTION)
    elif len(rows) > MOST_ROWS:
        problem = f"holds {len(rows):,} rows, and there are {len(DESTINATIONS)} destinations"
        yield Refusal(ROWS, problem, OTHER_COLLECTION)


def _of_children(children: object) -> Iterator[Refusal]:
    if not isinstance(children, list):
        yield Refusal(CHILDREN, f"is {kind_of(children)} and not a list of collections", SUPPORT)
        return
    if len(children) > MOST_ROWS:
        yield Refusal(CHILDREN, f"holds {len(children):,} collections, and a customer has none here", OTHER_COLLECTION)
        return
    for number, child in enumerate(children, start=1):
        place = f"{CHILDREN}, {number}"
        if not isinstance(child, dict):
            yield Refusal(place, f"is {kind_of(child)} and not a collection", SUPPORT)
        elif not (is_empty(child.get(ROWS)) and is_empty(child.get(CHILDREN))):
            problem = "is a child collection with rows of its own, and a customer has none here"
            yield Refusal(place, problem, "Remove it in iPaaS.com, or write the mapping file by hand")


def _of_destinations(rows: list[_Row]) -> Iterator[Refusal]:
    """Of rows that fill one destination, and of Email if no row fills it, not even one that was refused."""
    for place, problem, _ in destination_findings([row.table for row in rows]):
        number = place.removeprefix("row ").partition(",")[0]
        where = rows[int(number) - 1].place if number.isdecimal() else ROWS
        yield Refusal(where, problem, BY_HAND)


def _of_sync_type(collection: dict[str, Any]) -> Iterator[str]:
    if (said := key(collection.get(SYNC_TYPE))) not in SYNC_TYPES and DELETES not in said:
        yield f"{SYNC_TYPE} is {shown(collection[SYNC_TYPE])}; here customers are created and updated, whatever it is."


def _unknown(collection: dict[str, Any], rows: list[Any]) -> Iterator[str]:
    """The fields that hold something and that nothing here looks at."""
    objects = [collection, *(row for row in rows if isinstance(row, dict))]
    held = (name for each in objects for name, value in each.items() if name not in KNOWN and not is_empty(value))
    names = list(dict.fromkeys(held))
    if names:
        more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
        yield (
            f"Not carried over from iPaaS.com's answer: {', '.join(map(shown, names[:MOST_NAMES]))}{more}. "
            "Look in iPaaS.com whether a row is switched off or has a condition."
        )


# One row --------------------------------------------------------------------------------------------------------------


class _Row:
    """One row of a collection, and what it becomes in the mapping file."""

    def __init__(self, number: int, row: object) -> None:
        self._number = number
        self._is_object = isinstance(row, dict)
        self._row: dict[str, Any] = row if isinstance(row, dict) else {}
        self._kind = KINDS.get(key(self._row.get(TYPE)))
        self.table = self._table()

    def _table(self) -> Table:
        """The row of the mapping file; what it lacks or has wrong is found by `row_findings`."""
        source, destination = self._row.get(SOURCE), _named(self._row.get(DESTINATION), DESTINATIONS)
        table: Table = {"type": RowType.STATIC.value if self._kind is Kind.STATIC else RowType.FIELD.value}
        if self._kind is Kind.STATIC:
            table["value"] = _of_destination(source, destination)
        else:
            table["source"] = source if _is_custom_field(source) else _named(source, SOURCES)
        table["destination"] = destination
        if self._kind is Kind.WITH_DEFAULT:
            table["default"] = _of_destination(self._row.get(DEFAULT), destination)
        return {name: value for name, value in table.items() if not is_empty(value)}

    @property
    def place(self) -> str:
        """Which row it is, in words: its number, type, source and destination."""
        names = {TYPE: "", SOURCE: "source ", DESTINATION: "destination "}
        given = [f"{words}{shown(self._row[name])}" for name, words in names.items() if not self._lacks(name)]
        return f"row {self._number} ({', '.join(given)})" if given else f"row {self._number}"

    def refusals(self) -> Iterator[Refusal]:
        """Why it can't be carried over, if it can't."""
        if not self._is_object:
            yield Refusal(self.place, "is not an object", SUPPORT)
        elif self._kind is None:
            yield Refusal(self.place, self._unknown_type(), BY_HAND)
        elif self._kind in NOT_CARRIED:
            problem, resolution = NOT_CARRIED[self._kind]
            yield Refusal(self.place, problem, resolution.format(translations=self._translations()))
        elif odd := [*self._odd()]:
            yield from (Refusal(self.place, problem, SUPPORT) for problem in odd)
        else:
            for name, problem, _ in row_findings(self.table):
                yield Refusal(self.place, f"{WHAT_IT_READS[name]}: {problem}", BY_HAND)

    def _translations(self) -> str:
        named = "" if self._lacks(TRANSLATIONS) else f" {shown(self._row[TRANSLATIONS])}"
        return f"its translation collection{named}"

    def _unknown_type(self) -> str:
        if self._lacks(TYPE):
            return f"it has no {TYPE}"
        return unknown(cut(self._row[TYPE]), "type of a row that is known here", list(Kind))

    def _odd(self) -> Iterator[str]:
        """What is wrong with its fields as such."""
        for name in (SOURCE, DESTINATION, DEFAULT):
            value = None if self._lacks(name) else self._row[name]
            if not isinstance(value, str | bool | None):
                yield f"{name} is {kind_of(value)} and not text"
            elif isinstance(value, str) and len(value) > LONGEST:
                yield f"{name} has {len(value):,} characters, and {LONGEST:,} are the most"
            elif isinstance(value, str) and HALF.search(value):
                yield f"{name} holds half a character, which can't be written"

    def notes(self) -> Iterator[str]:
        """What it has and does not need."""
        if self._kind is Kind.WITH_DEFAULT and self._lacks(DEFAULT):
            yield f"{self.place}: its {DEFAULT} is empty, so an empty source sends nothing."
        if self._kind in {Kind.FIELD, Kind.STATIC} and not self._lacks(DEFAULT):
            yield f"{self.place}: its {DEFAULT} was left out, since a {self._kind} row does not use it."
        if self._kind in {Kind.FIELD, Kind.STATIC, Kind.WITH_DEFAULT} and not self._lacks(TRANSLATIONS):
            yield f"{self.place}: its {TRANSLATIONS} was left out, since a {self._kind} row does not use it."

    def _lacks(self, name: str) -> bool:
        value = self._row.get(name)
        return is_empty(value) or (name == TRANSLATIONS and key(value) == "0")


def _named(value: object, known: Iterable[str]) -> object:
    """The name as the mapping file has it: iPaaS.com's may differ in case and signs. As it is if it is not known."""
    names = {key(each): each for each in known}
    return names.get(key(value), value) if isinstance(value, str) else value


def _is_custom_field(source: object) -> bool:
    return isinstance(source, str) and source.startswith(CUSTOM_FIELDS)


def _of_destination(value: object, destination: object) -> object:
    """A value as its destination needs it: IsSubscribed takes true and false, which iPaaS.com may have as texts."""
    if destination == SUBSCRIPTION and isinstance(value, str):
        return {"true": True, "false": False}.get(folded(value), value)
    return value


# The mapping file -----------------------------------------------------------------------------------------------------


def _text(collection_id: str, rows: list[_Row]) -> str:
    heading = [
        f"# The mapping collection {collection_id} of iPaaS.com, by `stamped-sync mapping --import`.",
        '# Its rows have no level there: Email is required, and all others are optional unless you add level = "…".',
    ]
    return "\n\n".join(["\n".join(heading), *(_table_text(row.table) for row in rows)]) + "\n"


def _table_text(table: Table) -> str:
    return "\n".join(["[[row]]", *(f"{name} = {_value_text(value)}" for name, value in table.items())])


def _value_text(value: str | bool) -> str:  # noqa: FBT001 - it is what is written
    """JSON's texts are TOML's, apart from the character DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
