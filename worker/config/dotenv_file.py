"""The `.env` file of the current folder."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from worker.config.faults import ConfigurationError, Fault, warn
from worker.config.text_file import MEGABYTE, Unreadable, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

DOTENV = ".env"
LONGEST_BYTES = 1 * MEGABYTE


def read_dotenv() -> dict[str, str]:
    """What the file holds, which may not be there. Raises ConfigurationError if it can't be read."""
    try:
        text = read_text(Path(DOTENV), LONGEST_BYTES)
    except FileNotFoundError:
        return {}
    except Unreadable as error:
        raise ConfigurationError([Fault(DOTENV, "", str(error))]) from None
    held = dotenv_values(stream=StringIO("".join(_statements(text))))
    return {name: value for name, value in held.items() if value is not None}


def _statements(text: str) -> Iterator[str]:
    """The statements of the file; of others, which other programs may understand, a warning tells."""
    for statement in parse_stream(StringIO(text)):
        if statement.error:
            warn(f"{DOTENV}, line {statement.original.line} is ignored: it is not of the form NAME=value")
        else:
            yield statement.original.string
