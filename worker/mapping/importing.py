"""Turns a mapping collection of iPaaS.com into the text of a mapping file, or says of each row why it can't.

Nothing is dropped in silence: what a mapping file can't say is refused, with the row's number and what to do, and what
was left out because nothing is lost by it is noted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.mapping.collection import (
    CHILDREN,
    DELETES,
    FILTERS,
    OF_COLLECTION,
    ROWS,
    SYNC_TYPE,
    SYNC_TYPES,
    is_empty,
    key,
    kind_of,
    shown,
)
from worker.mapping.file import destination_findings
from worker.mapping.imported_row import LOOKED_AT, ImportedRow
from worker.mapping.refusals import (
    BY_HAND,
    CHANGE,
    OTHER_COLLECTION,
    SUPPORT,
    Refusal,
    left_out,
    switches_and_conditions,
)
from worker.mapping.rows import DESTINATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.config.toml_file import Table

MOST_ROWS: Final = 500
"""Rows, and children, that are looked at one by one: far more than there are destinations."""


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
    read = [ImportedRow(number, row) for number, row in enumerate(listed, start=1)]
    refusals = [*_of_collection(collection), *(refusal for row in read for refusal in row.refusals())]
    if read:
        refusals += _of_destinations(read)
    notes = (*_of_sync_type(collection), *(note for row in read for note in row.notes()), *_left_out(collection, read))
    return Imported("" if refusals else _text(collection_id, read), tuple(refusals), notes)


# The collection itself ------------------------------------------------------------------------------------------------


def _of_collection(collection: dict[str, Any]) -> Iterator[Refusal]:
    yield from _of_filters("", collection)
    if not is_empty(collection.get(CHILDREN)):
        yield from _of_children(collection[CHILDREN])
    if DELETES in key(collection.get(SYNC_TYPE)):
        yield Refusal(SYNC_TYPE, "says that the collection deletes, and nothing is ever deleted here", OTHER_COLLECTION)
    rows = collection.get(ROWS)
    if not isinstance(rows, list):
        what = "is missing" if rows is None else f"is {kind_of(rows)} and not a list of rows"
        yield Refusal(ROWS, what, SUPPORT)
    elif not rows:
        yield Refusal(ROWS, "holds no row", OTHER_COLLECTION)
    elif len(rows) > MOST_ROWS:
        problem = f"holds {len(rows):,} rows, and there are {len(DESTINATIONS)} destinations"
        yield Refusal(ROWS, problem, OTHER_COLLECTION)


def _of_filters(place: str, fields: dict[str, Any]) -> Iterator[Refusal]:
    """Of what leaves customers out, in the collection itself or in the child at a place."""
    resolution = "Import a collection without it, if every customer may be transferred"
    for name in FILTERS:
        if not is_empty(fields.get(name)):
            problem = "is not empty: it leaves customers out, and here every customer of a connection is transferred"
            yield Refusal(", ".join(filter(None, [place, name])), problem, resolution)
    for problem in switches_and_conditions(fields, OF_COLLECTION):
        yield Refusal(place or "collection", problem, CHANGE)


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
        else:
            yield from _of_filters(place, child)


def _of_destinations(rows: list[ImportedRow]) -> Iterator[Refusal]:
    """Of rows that fill one destination, and of Email if no row fills it, not even one that was refused."""
    for place, problem, _ in destination_findings([row.table for row in rows]):
        number = place.removeprefix("row ").partition(",")[0]
        where = rows[int(number) - 1].place if number.isdecimal() else ROWS
        yield Refusal(where, problem, BY_HAND)


def _of_sync_type(collection: dict[str, Any]) -> Iterator[str]:
    if (said := key(collection.get(SYNC_TYPE))) not in SYNC_TYPES and DELETES not in said:
        yield f"{SYNC_TYPE} is {shown(collection[SYNC_TYPE])}; here customers are created and updated, whatever it is."


def _left_out(collection: dict[str, Any], rows: list[ImportedRow]) -> Iterator[str]:
    """Of the fields that nothing here looks at."""
    children = collection[CHILDREN] if isinstance(collection.get(CHILDREN), list) else []
    return left_out(
        [
            ("collection", collection, OF_COLLECTION),
            *(
                (f"{CHILDREN}, {number}", child, OF_COLLECTION)
                for number, child in enumerate(children[:MOST_ROWS], start=1)
                if isinstance(child, dict)
            ),
            *((f"row {row.number}", row.fields, LOOKED_AT) for row in rows),
        ]
    )


# The mapping file -----------------------------------------------------------------------------------------------------


def _text(collection_id: str, rows: list[ImportedRow]) -> str:
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
