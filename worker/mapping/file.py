"""Reads a mapping file into rows; finds all faults of the file in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.config.faults import ConfigurationError, Fault, unknown, unknown_key
from worker.config.toml_file import Table, read_tables, repeated
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

SOURCE_NAMES = (*SOURCES, f"{CUSTOM_FIELDS}<name>")

EXAMPLES = {
    "type": 'type = "Field"',
    "source": 'source = "EmailAddress"',
    "value": 'value = "from iPaaS.com"',
    "destination": 'destination = "Email"',
    "level": 'level = "optional"',
    "description": 'description = "Why this row is here"',
    "resubscribe": "resubscribe = false",
}
"""An example of each key that a row may have."""
STATIC_SUBSCRIPTION = "value = true"

Finding = tuple[str, str, str]
"""A key, what is wrong with it, and an example of what would be right."""


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read a mapping file. Raises FileNotFoundError, and ConfigurationError with all its faults."""
    tables, faults = read_tables(path, "row")
    for number, table in enumerate(tables, start=1):
        faults.extend(_row_faults(str(path), f"row {number}", table))
    faults.extend(Fault(str(path), *finding) for finding in _destination_findings(tables))
    if faults:
        raise ConfigurationError(faults)
    return tuple(map(_row, tables))


def _row(table: Table) -> Row:
    """The row of a table in which no fault was found."""
    given = table | {"type": RowType(table["type"])}
    if "level" in table:
        given["level"] = Level(table["level"])
    if table["destination"] == EMAIL:
        given["level"] = Level.REQUIRED
    if table["destination"] == SUBSCRIPTION and isinstance(table.get("value"), str):
        given["value"] = BOOLEAN_WORDS[_folded(table["value"])]
    return Row(**given)


def _destination_findings(tables: list[Table]) -> Iterator[Finding]:
    """Each destination is filled by one row at most, and Email by exactly one."""
    filled = [table.get("destination") for table in tables]
    free = [destination for destination in DESTINATIONS if destination not in filled]
    for number, destination, first in repeated(tables, "destination"):
        if destination in DESTINATIONS:
            problem = f"{destination} is already filled by row {first}"
            yield f"row {number}, destination", problem, f'destination = "{free[0]}"' if free else ""
    if EMAIL not in filled:
        problem = "no row fills Email, which Stamped.io needs to create and match a customer"
        yield "row", problem, EXAMPLES["destination"]


# One row -------------------------------------------------------------------------------------------------------------


def _row_faults(file: str, place: str, table: Table) -> Iterator[Fault]:
    for key in table:
        if key not in EXAMPLES:
            yield unknown_key(file, f"{place}, {key}", key, EXAMPLES)
    for key, problem, example in _row_findings(table):
        yield Fault(file, f"{place}, {key}", problem, example)


def _row_findings(table: Table) -> Iterator[Finding]:
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
        yield "resubscribe", f"belongs only in the row that fills {SUBSCRIPTION}", f'destination = "{SUBSCRIPTION}"'
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
        problem = f"{destination} cannot be Static: every customer would become the same one in Stamped.io"
        yield "type", problem, EXAMPLES["type"]
    elif "value" not in table:
        yield "value", "is missing", STATIC_SUBSCRIPTION if destination == SUBSCRIPTION else EXAMPLES["value"]
    elif destination == SUBSCRIPTION:
        if not isinstance(table["value"], bool) and _folded(table["value"]) not in {"true", "false"}:
            yield "value", "must be true or false", STATIC_SUBSCRIPTION
    elif not isinstance(table["value"], str) or not table["value"].strip():
        yield "value", "must be text in quotes, and not empty", EXAMPLES["value"]


def _folded(value: Any) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""
