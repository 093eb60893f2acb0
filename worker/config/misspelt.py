"""Finds environment variables that were probably meant for a setting, and set none."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from worker.config.faults import nearest, warn
from worker.config.text_file import Unreadable, read_text
from worker.config.toml_file import LONGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

OURS: Final = "STAMPED_SYNC_"
"""What begins so is meant for this software."""
NEIGHBOURS: Final = ("STAMP", "SENTRY_")
"""What begins so may be meant for it."""
ALIKE_ENOUGH: Final = 0.9
"""How alike a neighbour must be to a setting (`difflib` ratio): a letter or two apart, as SENTRY_DNS is."""
ELSEWHERE: Final = frozenset({"STAMPED_SYNC_SCREENSHOTS"})
"""Read by the tests: where the screenshots of the docs go."""
SERVICE_LINK: Final = re.compile(r"_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)")
SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://")
"""Kubernetes sets such variables in every pod; those of a service that is called stamped-sync are not settings."""


def warn_of_misspelt(given: Mapping[str, str], settings: AbstractSet[str], connections: Path) -> None:
    """Warn, once in a process, of each variable among the given ones that was probably meant for a setting.

    One that the connections file names holds a secret of it.
    """
    if found := dict(misspelt(given, settings)):
        secrets = _text(connections)
        for name, meant in found.items():
            if name not in secrets:
                hint = f"did you mean {meant}?" if meant else "docs/reference/settings.md lists the settings."
                warn(f"{name} is not a setting and is ignored; {hint}")


def misspelt(given: Mapping[str, str], settings: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Each variable that was probably meant for a setting, and the setting that is nearest, if one is near."""
    for name, value in given.items():
        if name in settings or name in ELSEWHERE or _is_service(name, value):
            continue
        if name.startswith(OURS):
            yield name, _nearest_of_ours(name, settings)
        elif name.startswith(NEIGHBOURS) and (meant := _neighbour(name, settings)) and meant not in given:
            yield name, meant


def _nearest_of_ours(name: str, settings: AbstractSet[str]) -> str:
    """By what stands behind the prefix: with it, all names are alike."""
    ours = [each.removeprefix(OURS) for each in sorted(settings) if each.startswith(OURS)]
    near = nearest(name.removeprefix(OURS), ours)
    return f"{OURS}{near}" if near else ""


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
