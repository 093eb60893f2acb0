"""What of a mapping collection is refused or left out, and the fields that a mapping file has no place for.

A field that nothing here knows may be a switch or a condition. Without it a row would be in force here for customers
for whom it is not in iPaaS.com, so such a field is refused unless it says that all is as usual. Any other is noted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.mapping.collection import (
    CONDITION_NAMES,
    NO,
    OFF_NAMES,
    ON_NAMES,
    SWITCHED_OFF,
    YES,
    is_empty,
    key,
    shown,
)
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_NAMES: Final = 20
"""Names of fields, and places, that are shown."""
BY_HAND: Final = "Correct the row in iPaaS.com and import again, or write the mapping file by hand"
CHANGE: Final = "Change that in iPaaS.com and import again, or write the mapping file by hand"
SUPPORT: Final = (
    "Look at the collection in iPaaS.com; if it is right there, report this to whoever maintains this software"
)
OTHER_COLLECTION: Final = "Import the collection that adds and updates Stamped.io customers from iPaaS.com"
"""What to do about what was found."""


@dataclass(frozen=True)
class Refusal:
    """What can't be carried over: where it is in the collection, what is wrong, and what to do."""

    place: str
    problem: str
    resolution: str

    def __str__(self) -> str:
        stop = "" if self.problem.endswith("?") else "."
        return f"{self.place}: {masked(self.problem)}{stop} {self.resolution}."


def switches_and_conditions(fields: dict[str, Any], known: frozenset[str]) -> Iterator[str]:
    """What the fields that are not known probably switch off or restrict, in words."""
    for name, problem in _suspects(fields, known):
        yield f"{shown(name)} is {shown(fields[name])}: it seems to be {problem}"


def _suspects(fields: dict[str, Any], known: frozenset[str]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name in known or is_empty(value):
            continue
        if _is_condition(name, value):
            yield name, "a condition, and a mapping file has none"
        elif _is_off(name, value):
            yield name, "switched off, and a mapping file has no switch"


def _is_condition(name: str, value: object) -> bool:
    # The text "false" may be a condition that is never true, and not the absence of one.
    return _has(name, CONDITION_NAMES) and (isinstance(value, str) or key(value) not in NO)


def _is_off(name: str, value: object) -> bool:
    said = key(value)
    if _has(name, OFF_NAMES):
        return said not in NO
    return said in SWITCHED_OFF if not _has(name, ON_NAMES) else said not in YES


def _has(name: str, parts: Iterable[str]) -> bool:
    return any(part in key(name) for part in parts)


def left_out(places: Iterable[tuple[str, dict[str, Any], frozenset[str]]]) -> Iterator[str]:
    """The other fields of each place that hold something and are not known: the same ones of several places together.

    A place is given by its name, its fields and those that are known.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for place, fields, known in places:
        refused = {name for name, _ in _suspects(fields, known)}
        names = tuple(name for name, value in fields.items() if name not in known | refused and not is_empty(value))
        if names:
            found.setdefault(names, []).append(place)
    for names, where in found.items():
        yield (
            f"Not carried over from iPaaS.com's answer, {_some(where)}: {_some(map(shown, names))}. "
            "Look in iPaaS.com whether that is a switch or a condition."
        )


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - MOST_NAMES:,} more" if len(every) > MOST_NAMES else ""
    return f"{', '.join(every[:MOST_NAMES])}{more}"
