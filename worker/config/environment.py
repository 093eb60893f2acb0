"""The environment: the process's variables, those of `.env`, and which of them were probably meant for a setting."""

from __future__ import annotations

import difflib
import os
import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from worker.config.faults import ConfigurationError, Fault, nearest, warn
from worker.config.text_file import MEGABYTE, Unreadable, read_text
from worker.config.toml_file import LONGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

DOTENV: Final = ".env"

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


def environment() -> dict[str, str]:
    """The variables of `.env` and of the process, which win. Raises ConfigurationError if `.env` can't be read."""
    return read_dotenv() | dict(os.environ)


def read_dotenv() -> dict[str, str]:
    """The variables of the `.env` file in the current folder; none if there is no such file."""
    try:
        text = read_text(Path(DOTENV), 1 * MEGABYTE)
    except FileNotFoundError:
        return {}
    except Unreadable as error:
        raise ConfigurationError([Fault(DOTENV, "", str(error))]) from None
    held = dotenv_values(stream=StringIO("".join(_statements(text))))
    return {name: value for name, value in held.items() if value is not None}


def _statements(text: str) -> Iterator[str]:
    """The lines of the form NAME=value. The others may be meant for other programs: they are only warned of."""
    for statement in parse_stream(StringIO(text)):
        if statement.error:
            warn(f"{DOTENV}, line {statement.original.line} is ignored: it is not of the form NAME=value")
        else:
            yield statement.original.string


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
