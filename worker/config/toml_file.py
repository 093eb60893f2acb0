"""Reading a TOML file, with its faults in words that lead to the place."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from worker.config.faults import ConfigurationError, Fault
from worker.config.text_file import MEGABYTE, Unreadable, read_text

if TYPE_CHECKING:
    from pathlib import Path

SYNTAX_PLACE = re.compile(r"(?P<problem>.*) \(at (?P<place>[^)]*)\)", re.DOTALL)
"""How `tomllib` ends its messages: `Invalid value (at line 3, column 12)`."""

END_OF_DOCUMENT = "end of document"
LONGEST_BYTES = 16 * MEGABYTE
"""Room for more connections than one installation can have."""
LINE_BREAK = "\n"


def read_toml(path: Path, if_missing: str = "") -> dict[str, Any]:
    """Read a file; raises ConfigurationError if it can't be read or is not TOML.

    `if_missing` is the example that a person is shown when there is no such file.
    """
    text = _read_text(path, if_missing)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError([_syntax_fault(str(path), text, str(error))]) from None


def _read_text(path: Path, if_missing: str) -> str:
    try:
        return read_text(path, LONGEST_BYTES)
    except FileNotFoundError:
        fault = Fault(str(path), "", "there is no such file", if_missing)
    except Unreadable as error:
        fault = Fault(str(path), "", str(error))
    raise ConfigurationError([fault])


def _syntax_fault(file: str, text: str, message: str) -> Fault:
    found = SYNTAX_PLACE.fullmatch(message)
    place, problem = (found["place"], found["problem"]) if found else ("", message)
    if place == END_OF_DOCUMENT:
        place = f"line {text.count(LINE_BREAK) + 1}, column {len(text.rpartition(LINE_BREAK)[2]) + 1}"
    return Fault(file, place, f"is not valid TOML: {problem}", 'name = "Acme EU"')
