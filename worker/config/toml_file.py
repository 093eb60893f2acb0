"""Reads a TOML file that is a list of tables; each fault names its place in the file."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import tomli

from worker.config.faults import ConfigurationError, Fault, unknown_key, without_secret
from worker.config.text_file import MEGABYTE, Files, Unreadable, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Table = dict[str, Any]

SYNTAX_PLACE = re.compile(r"(?P<problem>.*) \(at (?P<place>[^)]*)\)", re.DOTALL)
"""How `tomli` ends its messages: `Invalid value (at line 3, column 12)`."""
COMMENTED_KEY = re.compile(r"^# (?=\w+ = )", re.MULTILINE)
END_OF_DOCUMENT = "end of document"
EXAMPLES = {"connection": 'name = "Acme EU"', "row": 'type = "Field"'}
"""A line that is right, by the tables of the file."""
HINTS = {"Invalid value": "text stands in quotes", "Illegal character '\\n'": "a quote at the end is missing"}
"""What is probably meant by some of the parser's words."""
LONGEST_BYTES = 16 * MEGABYTE
"""Room for more connections than one installation ever has."""
LINE_BREAK = "\n"


def read_tables(path: Path, name: str, files: Files | None = None) -> tuple[list[Table], list[Fault]]:
    """The tables under `[[name]]`, the one key that the file may have, and a fault for each other key.

    Raises FileNotFoundError, and ConfigurationError if the file can't be read, is not TOML, or holds no list of tables
    under that key. What was found in the file is noted in `files`.
    """
    document, file, heading = _read_toml(path, name, files), str(path), f"[[{name}]]"
    tables = document.pop(name, [])
    faults = [unknown_key(file, without_secret(key), key, {name: heading}) for key in document]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problem = f"must be a list of tables, each under {heading} in two brackets"
        raise ConfigurationError([*faults, Fault(file, name, problem, heading)])
    return tables, faults


def repeated(tables: Sequence[Table], key: str) -> Iterator[tuple[int, Any, int]]:
    """Each value of a key that an earlier table has too: the table's number, the value, the earlier one's number."""
    first_with: dict[str, int] = {}
    for number, table in enumerate(tables, start=1):
        value = table.get(key)
        first = first_with.setdefault(repr(value), number)
        if value is not None and first < number:
            yield number, value, first


def examples(text: str, name: str) -> dict[str, dict[str, str]]:
    """An example of each key in the first `[[name]]` of an example file, by the path of its table, such as `a.b`.

    A key that may be left out is a comment in the file: it has an example, but the example of its table lacks it.
    """
    every, needed = tomli.loads(COMMENTED_KEY.sub("", text)), tomli.loads(text)
    return dict(_examples(every[name][0], needed[name][0]))


def _examples(every: Table, needed: Table, path: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    yield path, {key: f"{key} = {_as_toml(needed.get(key, value))}" for key, value in every.items()}
    for key, value in every.items():
        if isinstance(value, dict):
            yield from _examples(value, needed.get(key, {}), f"{path}.{key}".removeprefix("."))


def _as_toml(value: Any) -> str:
    """A table on one line, or a day. Texts, numbers, lists and booleans look the same in TOML as in JSON."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_as_toml(each)}' for key, each in value.items())} }}"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def _read_toml(path: Path, name: str, files: Files | None) -> Table:
    file = str(path)
    try:
        text = read_text(path, LONGEST_BYTES, files)
    except Unreadable as error:
        raise ConfigurationError([Fault(file, "", str(error))]) from None
    try:
        return tomli.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([_syntax_fault(file, text, str(error), EXAMPLES.get(name, ""))]) from None


def _syntax_fault(file: str, text: str, message: str, example: str) -> Fault:
    found = SYNTAX_PLACE.fullmatch(message)
    place, problem = (found["place"], found["problem"]) if found else ("", message)
    if place == END_OF_DOCUMENT:
        place = f"line {text.count(LINE_BREAK) + 1}, column {len(text.rpartition(LINE_BREAK)[2]) + 1}"
    hint = next((f": {hint}" for words, hint in HINTS.items() if problem.startswith(words)), "")
    return Fault(file, place, f"is not valid TOML: {problem}{hint}", example)
