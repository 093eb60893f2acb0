"""Reading a mapping file into rows; every fault of the file is found in one reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.config.faults import ConfigurationError, Fault, nearest, unknown
from worker.config.toml_file import read_toml
from worker.mapping.rows import (
    BOOLEAN_WORDS,
    CUSTOM_FIELDS,
    DESTINATIONS,
    EMAIL,
    EMAIL_DESTINATIONS,
    SOURCES,
    SUBSCRIPTION,
    Level,
    Row,
    RowType,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KEYS = ("type", "source", "value", "destination", "level", "description", "resubscribe")
SOURCE_NAMES = (*SOURCES, f"{CUSTOM_FIELDS}<name>")

EXAMPLES = {
    "row": "[[row]]",
    "type": 'type = "Field"',
    "source": 'source = "EmailAddress"',
    "value": 'value = "from iPaaS.com"',
    "destination": 'destination = "Email"',
    "level": 'level = "optional"',
    "description": 'description = "Why this row is here"',
    "resubscribe": "resubscribe = false",
}
STATIC_SUBSCRIPTION = "value = true"

Table = dict[str, Any]
Finding = tuple[str, str, str]
"""A key of one row, what is wrong with it, and an example of right."""


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read a mapping file; raises ConfigurationError with all its faults."""
    document = read_toml(path)
    faults = [Fault(str(path), *finding) for finding in _document_findings(document)]
    if faults:
        raise ConfigurationError(faults)
    return tuple(_row(table) for table in document["row"])


def _row(table: Table) -> Row:
    """The row of a table in which no fault was found."""
    value = table.get("value", "")
    if table["destination"] == SUBSCRIPTION and isinstance(value, str) and value:
        value = BOOLEAN_WORDS[_folded(value)]
    return Row(
        type=RowType(table["type"]),
        destination=table["destination"],
        source=table.get("source", ""),
        value=value,
        level=Level.REQUIRED if table["destination"] == EMAIL else Level(table.get("level", Level.OPTIONAL)),
        description=table.get("description", ""),
        resubscribe=table.get("resubscribe", True),
    )


# The whole file ------------------------------------------------------------------------------------------------------


def _document_findings(document: Table) -> Iterator[Finding]:
    for key in document:
        if key != "row":
            yield key, unknown(key, "known key", ["row"]), EXAMPLES["row"]
    tables = document.get("row", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        yield "row", "must be a list of tables, each under [[row]] in two brackets", EXAMPLES["row"]
        return
    for number, table in enumerate(tables, start=1):
        for key, problem, example in _row_findings(table):
            yield f"row {number}, {key}", problem, example
    yield from _destination_findings([table.get("destination") for table in tables])


def _destination_findings(destinations: list[Any]) -> Iterator[Finding]:
    """Each destination is filled by one row, and Email by one at any rate."""
    free = [destination for destination in DESTINATIONS if destination not in destinations]
    example = f'destination = "{free[0]}"' if free else ""
    for number, destination in enumerate(destinations, start=1):
        first = destinations.index(destination) + 1
        if destination in DESTINATIONS and first < number:
            yield f"row {number}, destination", f"{destination} is already filled by row {first}", example
    if EMAIL not in destinations:
        yield (
            "row",
            "no row fills Email, which Stamped.io needs to create and match a customer",
            EXAMPLES["destination"],
        )


# One row -------------------------------------------------------------------------------------------------------------


def _row_findings(table: Table) -> Iterator[Finding]:
    for key in table:
        if key not in KEYS:
            yield key, unknown(key, "known key", KEYS), EXAMPLES[nearest(key, KEYS) or KEYS[0]]
    yield from _name_findings(table, "type", list(RowType))
    yield from _name_findings(table, "destination", DESTINATIONS)
    yield from _level_findings(table)
    if not isinstance(table.get("description", ""), str):
        yield "description", "must be text in quotes", EXAMPLES["description"]
    yield from _resubscribe_findings(table)
    if table.get("type") == RowType.FIELD:
        yield from _field_findings(table)
    if table.get("type") == RowType.STATIC:
        yield from _static_findings(table)


def _name_findings(table: Table, key: str, known: Sequence[str]) -> Iterator[Finding]:
    if key not in table:
        yield key, "is missing", EXAMPLES[key]
    elif table[key] not in known:
        yield key, unknown(table[key], key, known), EXAMPLES[key]


def _level_findings(table: Table) -> Iterator[Finding]:
    if "level" in table:
        yield from _name_findings(table, "level", list(Level))
    if table.get("destination") == EMAIL and table.get("level") in (Level.RECOMMENDED, Level.OPTIONAL):
        yield "level", "must be required for Email: without it no customer can be created", 'level = "required"'


def _resubscribe_findings(table: Table) -> Iterator[Finding]:
    if "resubscribe" not in table:
        return
    if table.get("destination") != SUBSCRIPTION:
        yield "resubscribe", f"belongs to the row that fills {SUBSCRIPTION} alone", EXAMPLES["description"]
    elif not isinstance(table["resubscribe"], bool):
        yield "resubscribe", "must be true or false, without quotes", EXAMPLES["resubscribe"]


def _field_findings(table: Table) -> Iterator[Finding]:
    if "value" in table:
        yield "value", "a Field row has a source and no value", EXAMPLES["source"]
    if not _is_custom_field(table.get("source")):
        yield from _name_findings(table, "source", SOURCE_NAMES)


def _is_custom_field(source: Any) -> bool:
    return isinstance(source, str) and source.startswith(CUSTOM_FIELDS) and source != CUSTOM_FIELDS


def _static_findings(table: Table) -> Iterator[Finding]:
    destination = table.get("destination")
    if "source" in table:
        yield "source", "a Static row has a value and no source", EXAMPLES["value"]
    if destination in EMAIL_DESTINATIONS:
        problem = f"{destination} cannot be Static: every customer would become one in Stamped.io"
        yield "type", problem, EXAMPLES["type"]
    elif "value" not in table:
        yield "value", "is missing", STATIC_SUBSCRIPTION if destination == SUBSCRIPTION else EXAMPLES["value"]
    elif destination == SUBSCRIPTION:
        yield from _static_subscription_findings(table["value"])
    elif not isinstance(table["value"], str) or not table["value"].strip():
        yield "value", "must be text in quotes, and not empty", EXAMPLES["value"]


def _static_subscription_findings(value: Any) -> Iterator[Finding]:
    if not isinstance(value, bool) and _folded(value) not in {"true", "false"}:
        yield "value", "must be true or false", STATIC_SUBSCRIPTION


def _folded(value: Any) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""
