"""One row of a mapping collection, and what it becomes in a mapping file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from worker.config.faults import unknown
from worker.mapping.collection import (
    CHILDREN,
    DEFAULT,
    DELETES,
    DESTINATION,
    FILTERS,
    KINDS,
    OF_ROW,
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
    name_key,
    shown,
)
from worker.mapping.file import row_findings
from worker.mapping.refusals import BY_HAND, SUPPORT, Refusal, switches_and_conditions
from worker.mapping.rows import BOOLEAN_WORDS, CUSTOM_FIELDS, DESTINATIONS, SOURCES, SUBSCRIPTION, RowType, folded

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
WHAT_IT_READS: Final = {"type": TYPE, "source": SOURCE, "value": SOURCE, "destination": DESTINATION, "default": DEFAULT}
"""Which field of iPaaS.com's row becomes which key of the mapping file."""
HALF: Final = re.compile("[\ud800-\udfff]")
"""JSON can hold one half of a pair that makes a character; UTF-8 has no place for it."""
LOOKED_AT: Final = OF_ROW | {ROWS, CHILDREN, SYNC_TYPE, *FILTERS}
"""The fields of a row that are told of by themselves."""


class ImportedRow:
    """One row of a collection, and what it becomes in the mapping file."""

    def __init__(self, number: int, row: object) -> None:
        self.number = number
        self._is_object = isinstance(row, dict)
        self.fields: dict[str, Any] = row if isinstance(row, dict) else {}
        self._kind = KINDS.get(name_key(self.fields.get(TYPE)))
        self.table = self._table()

    def _table(self) -> Table:
        """The row of the mapping file; what it lacks or has wrong is found by `row_findings`."""
        source, destination = self.fields.get(SOURCE), _named(self.fields.get(DESTINATION), DESTINATIONS)
        table: Table = {"type": RowType.STATIC.value if self._kind is Kind.STATIC else RowType.FIELD.value}
        if self._kind is Kind.STATIC:
            table["value"] = _of_destination(source, destination)
        else:
            table["source"] = _custom_field(source) or _named(source, SOURCES)
        table["destination"] = destination
        if self._kind is Kind.WITH_DEFAULT:
            table["default"] = _of_destination(self.fields.get(DEFAULT), destination)
        return {name: value for name, value in table.items() if not is_empty(value)}

    @property
    def place(self) -> str:
        """Which row it is, in words: its number, type, source and destination."""
        names = {TYPE: "", SOURCE: "source ", DESTINATION: "destination "}
        given = [f"{words}{shown(self.fields[name])}" for name, words in names.items() if not self._lacks(name)]
        return f"row {self.number} ({', '.join(given)})" if given else f"row {self.number}"

    def refusals(self) -> Iterator[Refusal]:
        """Why it can't be carried over, if it can't."""
        yield from (Refusal(self.place, problem, BY_HAND) for problem in self._more_than_a_row())
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

    def _more_than_a_row(self) -> Iterator[str]:
        """What it does, or does not do, that no row of a mapping file can."""
        for name in FILTERS:
            if not self._lacks(name):
                yield f"its {name} is not empty: it is for some customers alone, and here every row is for all"
        for name in (ROWS, CHILDREN):
            if not self._lacks(name):
                yield f"its {name} is not empty, and a row has no rows of its own here"
        if DELETES in key(self.fields.get(SYNC_TYPE)):
            yield f"its {SYNC_TYPE} says that it deletes, and nothing is ever deleted here"
        yield from switches_and_conditions(self.fields, LOOKED_AT)

    def _translations(self) -> str:
        named = "" if self._lacks(TRANSLATIONS) else f" {shown(self.fields[TRANSLATIONS])}"
        return f"its translation collection{named}"

    def _unknown_type(self) -> str:
        if self._lacks(TYPE):
            return f"it has no {TYPE}"
        return unknown(cut(self.fields[TYPE]), "type of a row that is known here", list(Kind))

    def _odd(self) -> Iterator[str]:
        """What is wrong with its fields as such."""
        for name in (SOURCE, DESTINATION, DEFAULT):
            value = None if self._lacks(name) else self.fields[name]
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

        if (said := key(self.fields.get(SYNC_TYPE))) not in SYNC_TYPES and DELETES not in said:
            yield f"{self.place}: its {SYNC_TYPE} is {shown(self.fields[SYNC_TYPE])}; here it creates and updates."

    def _lacks(self, name: str) -> bool:
        value = self.fields.get(name)
        return is_empty(value) or (name == TRANSLATIONS and key(value) == "0")


def _named(value: object, known: Iterable[str]) -> object:
    """The name as the mapping file has it, which iPaaS.com may spell otherwise. As it is if it is not known."""
    names = {name_key(each): each for each in known}
    return names.get(name_key(value), value) if isinstance(value, str) else value


def _custom_field(source: object) -> str:
    """The source as the mapping file has it if it is a custom field, or else an empty text."""
    prefix, dot, name = source.partition(".") if isinstance(source, str) else ("", "", "")
    return f"{CUSTOM_FIELDS}{name}" if f"{name_key(prefix)}{dot}" == name_key(CUSTOM_FIELDS) else ""


def _of_destination(value: object, destination: object) -> object:
    """A value as its destination needs it: IsSubscribed takes true and false, for which iPaaS.com may have words."""
    if destination == SUBSCRIPTION and isinstance(value, str):
        return BOOLEAN_WORDS.get(folded(value), value)
    return value
