"""The environment: the process's variables, those of `.env`, and which of them were probably meant for a setting."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.config.faults import Fault, nearest, warn
from worker.config.text_file import MEGABYTE, Files, Unreadable, read_text
from worker.config.toml_file import LONGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from dotenv.parser import Binding

DOTENV: Final = ".env"
ASSIGNMENT: Final = re.compile(r"\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)\s*=")
"""How a line that sets a variable begins. Names in lower case are not taken from it: they may be a piece of a key."""

PREFIX: Final = "STAMPED_SYNC_"
"""Every variable that begins with this is meant for this software."""
NEIGHBOURS: Final = ("STAMP", "SENTRY_")
"""A variable that begins with one of these may be meant for it."""
ALIKE_ENOUGH: Final = 0.9
"""How alike a neighbour must be to a setting (`difflib` ratio): a letter or two apart, as SENTRY_DNS is."""
ELSEWHERE: Final = frozenset({"STAMPED_SYNC_SCREENSHOTS"})
"""Read by the tests: the folder for the screenshots of the docs."""
SERVICE_LINK: Final = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)")
SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")
"""Kubernetes sets such variables in every pod: those of a service named stamped-sync are not settings."""


@dataclass(frozen=True)
class Environment:
    """The variables, the lines of `.env` that some of them came from, and every fault in that file."""

    variables: Mapping[str, str] = field(repr=False)
    """A copy: each look at `os.environ` encodes a name anew, and a file can have thousands of secrets."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """By the variable's name in upper case."""
    faults: Sequence[Fault] = ()

    def place_of(self, name: str) -> tuple[str, str]:
        """The file and the key of a fault of a variable: its line in `.env`, or the environment."""
        line = self.lines.get(name)
        return (DOTENV, f"line {line}, {name}") if line else ("environment", name)


def environment(files: Files | None = None) -> Environment:
    """The variables of the process; those that it lacks, or has empty, come from `.env`, which need not exist."""
    try:
        text = read_text(Path(DOTENV), 1 * MEGABYTE, files)
    except FileNotFoundError:
        return Environment(dict(os.environ))
    except Unreadable as error:
        return Environment(dict(os.environ), faults=[Fault(DOTENV, "", str(error))])
    return _with_dotenv(text)


def _with_dotenv(text: str) -> Environment:
    """The variables of the process and those of a `.env` file's text."""
    # Most processes have no such file.
    from dotenv import dotenv_values  # noqa: PLC0415
    from dotenv.parser import parse_stream  # noqa: PLC0415

    statements = list(parse_stream(StringIO(text)))
    good = [each for each in statements if each.value is not None]
    held = dotenv_values(stream=StringIO("".join(each.original.string for each in good)))
    own = {name: value or "" for name, value in held.items() if not os.environ.get(name)}
    given = {name.upper() for name, value in os.environ.items() if value}
    return Environment(
        own | {name: value for name, value in os.environ.items() if name not in own},
        {name: _line(each) for each in good if (name := str(each.key).upper()) not in given},
        [_broken(each) for each in statements if each.error or (each.key and each.value is None)],
    )


def _line(statement: Binding) -> int:
    """The line where a statement begins; the parser counts from the empty lines before it."""
    text = statement.original.string
    return statement.original.line + text.count("\n", 0, len(text) - len(text.lstrip()))


def _broken(statement: Binding) -> Fault:
    """The fault of a line that can't be read. It never shows more of the line than a name: that may be a secret."""
    named = ASSIGNMENT.match(statement.original.string)
    problem = "has a quote that is not closed, or text behind it" if named else "is not of the form NAME=value"
    return Fault(DOTENV, f"line {_line(statement)}{f', {named[1]}' if named else ''}", problem, 'NAME="value"')


# Misspelt settings ---------------------------------------------------------------------------------------------------


def warn_of_misspelt(given: Mapping[str, str], settings: AbstractSet[str], connections: Path) -> None:
    """Warn, once in a process, of each given variable that was probably meant for a setting.

    A variable that the connections file names is left out: it holds a secret of that file.
    """
    if found := dict(misspelt(given, settings)):
        secrets = _text(connections)
        for name, meant in found.items():
            if name not in secrets:
                hint = f"did you mean {meant}?" if meant else "docs/reference/settings.md lists the settings."
                warn(f"{name} is not a setting and is ignored; {hint}")


def misspelt(given: Mapping[str, str], settings: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Each variable that was probably meant for a setting, with the setting that it is most like, or an empty text."""
    for name, value in given.items():
        if name in settings or name in ELSEWHERE or _is_service(name, value):
            continue
        if name.startswith(PREFIX):
            yield name, _nearest_of_ours(name, settings)
        elif name.startswith(NEIGHBOURS) and (meant := _neighbour(name, settings)) and meant not in given:
            yield name, meant


def _nearest_of_ours(name: str, settings: AbstractSet[str]) -> str:
    """Compares without the prefix: with it, all names are alike."""
    ours = [each.removeprefix(PREFIX) for each in sorted(settings) if each.startswith(PREFIX)]
    near = nearest(name.removeprefix(PREFIX), ours)
    return f"{PREFIX}{near}" if near else ""


def _neighbour(name: str, settings: AbstractSet[str]) -> str:
    near = difflib.get_close_matches(name, sorted(settings), n=1, cutoff=ALIKE_ENOUGH)
    return near[0] if near and not name.startswith(near[0]) else ""


def _is_service(name: str, value: str) -> bool:
    return bool(SERVICE_LINK.search(name) or (name.endswith("_PORT") and SERVICE_ADDRESS.match(value)))


def _text(path: Path) -> str:
    try:
        return read_text(path, LONGEST_BYTES)
    except (OSError, Unreadable):
        return ""
