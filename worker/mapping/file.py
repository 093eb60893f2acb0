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
    FORMER_SOURCES,
    SOURCES,
    SUBSCRIPTION,
    Level,
    Row,
    RowType,
    Value,
    folded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from worker.config.text_file import Files

SOURCE_NAMES = (*SOURCES, f"{CUSTOM_FIELDS}<name>")

EXAMPLES = {
    "type": 'type = "Field"',
    "source": 'source = "EmailAddress"',
    "value": 'value = "from iPaaS.com"',
    "destination": 'destination = "Email"',
    "level": 'level = "optional"',
    "description": 'description = "Why this row is here"',
    "resubscribe": "resubscribe = false",
    "default": 'default = "none"',
    "translate": 'translate = { "Ja" = "yes", "Nein" = "no" }',
    "otherwise": 'otherwise = "unknown"',
}
"""An example of each key that a row may have."""
OF_SUBSCRIPTION = {
    "value": "value = true",
    "default": "default = false",
    "translate": 'translate = { "Ja" = true, "Nein" = false }',
    "otherwise": "otherwise = false",
}
"""The same in the row of IsSubscribed, where it is another."""
OF_IPAAS = {
    "fieldwithdefault": ("a FieldWithDefault of iPaaS.com is a Field row with a default here", "default"),
    "lookuptranslation": ("a Lookup Translation of iPaaS.com is a Field row with translate here", "translate"),
    "dynamicformula": ("a formula is C#, which does not run here: let iPaaS.com put its result into a field", "source"),
    "regextranslation": ("a row has no regular expressions here: name its texts in translate", "translate"),
}
"""What is said of a type that only iPaaS.com has, and the key of which there is an example."""
OF_FIELDS = ("default", "translate", "otherwise")
"""The keys of Field rows alone that need a value of the destination."""

Finding = tuple[str, str, str]
"""A key, what is wrong with it, and an example of what would be right."""


def read_rows(path: Path, files: Files | None = None) -> tuple[Row, ...]:
    """Read a mapping file. Raises FileNotFoundError, and ConfigurationError with all its faults."""
    tables, faults = read_tables(path, "row", files)
    for number, table in enumerate(tables, start=1):
        faults.extend(_row_faults(str(path), f"row {number}", table))
    faults.extend(Fault(str(path), *finding) for finding in destination_findings(tables))
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
    of_destination = _as_boolean if table["destination"] == SUBSCRIPTION else _as_it_is
    for key in ("value", "default", "otherwise"):
        if key in table:
            given[key] = of_destination(table[key])
    if "translate" in table:
        given["translate"] = {folded(text): of_destination(value) for text, value in table["translate"].items()}
    if "source" in table:
        given["source"] = FORMER_SOURCES.get(table["source"], table["source"])
    return Row(**given)


def _as_boolean(value: Value) -> bool:
    return BOOLEAN_WORDS[folded(value)] if isinstance(value, str) else value


def _as_it_is(value: Value) -> Value:
    return value


def destination_findings(tables: list[Table]) -> Iterator[Finding]:
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
    for key, problem, example in row_findings(table):
        yield Fault(file, f"{place}, {key}", problem, example)


def row_findings(table: Table) -> Iterator[Finding]:
    """What is wrong with one row, apart from keys that no row has."""
    yield from _name_findings(table, "type", list(RowType))
    yield from _name_findings(table, "destination", DESTINATIONS)
    yield from _level_findings(table)
    if not isinstance(table.get("description", ""), str):
        yield "description", "must be text in quotes", EXAMPLES["description"]
    yield from _resubscribe_findings(table)
    if (kind := _type(table)) is RowType.FIELD:
        yield from _field_findings(table)
    if kind is RowType.STATIC:
        yield from _static_findings(table)


def _type(table: Table) -> RowType | None:
    """The type of a row: if it is wrong, that which the row's other keys are of, so that all its faults are found."""
    if table.get("type") in list(RowType):
        return RowType(table["type"])
    keys = {RowType.FIELD: "source", RowType.STATIC: "value"}
    found = [kind for kind, key in keys.items() if key in table]
    return found[0] if len(found) == 1 else None


def _name_findings(table: Table, key: str, known: Sequence[str]) -> Iterator[Finding]:
    if key not in table:
        yield key, "is missing", EXAMPLES[key]
    elif table[key] not in known:
        meant = OF_IPAAS.get(str(table[key]).replace(" ", "").casefold()) if key == "type" else None
        problem, shown = meant or (unknown(table[key], key, known), key)
        yield key, problem, _example(table, shown)


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
    source = table.get("source")
    if not (_is_custom_field(source) or (isinstance(source, str) and source in FORMER_SOURCES)):
        yield from _name_findings(table, "source", SOURCE_NAMES)
    yield from _email_findings(table)
    if "default" in table:
        yield from _value_findings(table, "default", table["default"])
    if "translate" in table:
        yield from _translate_findings(table)
    if "otherwise" in table:
        yield from _otherwise_findings(table)


def _email_findings(table: Table) -> Iterator[Finding]:
    destination = table.get("destination")
    for key in OF_FIELDS if destination in EMAIL_DESTINATIONS else ():
        if key in table:
            problem = f"does not fit {destination}: many customers would become the same one in Stamped.io"
            yield key, problem, EXAMPLES["source"]


def _translate_findings(table: Table) -> Iterator[Finding]:
    words, example = table["translate"], _example(table, "translate")
    if not isinstance(words, dict) or not words:
        yield "translate", "must be a table that is not empty, of texts and what is sent for each", example
        return
    first: dict[str, str] = {}
    for text, value in words.items():
        yield from _value_findings(table, "translate", value, f"{text!r} ")
        if not folded(text):
            yield "translate", "holds an empty text: what is sent for an empty source is its default", example
        elif first.setdefault(folded(text), text) != text:
            yield "translate", f"holds {first[folded(text)]!r} and {text!r}, which count as the same", example


def _otherwise_findings(table: Table) -> Iterator[Finding]:
    if "translate" in table:
        yield from _value_findings(table, "otherwise", table["otherwise"])
    else:
        problem = "belongs beside translate: it is sent for what that does not name"
        yield "otherwise", problem, _example(table, "translate")


def _value_findings(table: Table, key: str, value: Any, place: str = "") -> Iterator[Finding]:
    """Whether a value can be sent to the row's destination. `place` names it within the key."""
    if table.get("destination") == SUBSCRIPTION:
        if not _is_true_or_false(value):
            yield key, f"{place}must be true or false", _example(table, key)
    elif not isinstance(value, str) or not value.strip():
        yield key, f"{place}must be text in quotes, and not empty", _example(table, key)


def _is_true_or_false(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and folded(value) in {"true", "false"})


def _example(table: Table, key: str) -> str:
    return (EXAMPLES | OF_SUBSCRIPTION if table.get("destination") == SUBSCRIPTION else EXAMPLES)[key]


def _is_custom_field(source: Any) -> bool:
    return isinstance(source, str) and source.startswith(CUSTOM_FIELDS) and folded(source) != folded(CUSTOM_FIELDS)


def _static_findings(table: Table) -> Iterator[Finding]:
    destination = table.get("destination")
    if "source" in table:
        yield "source", "a Static row has a value and no source", EXAMPLES["value"]
    if destination in EMAIL_DESTINATIONS:
        problem = f"{destination} cannot be Static: every customer would become the same one in Stamped.io"
        yield "type", problem, EXAMPLES["type"]
    elif "value" not in table:
        yield "value", "is missing", _example(table, "value")
    else:
        yield from _value_findings(table, "value", table["value"])
    for key in OF_FIELDS:
        if key in table:
            yield key, "belongs in a Field row: a Static one sends the same for every customer", EXAMPLES["type"]
