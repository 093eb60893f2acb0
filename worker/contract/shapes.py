"""Looks into an answer whose shape is not known, and describes it without showing what it holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Fields = dict[str, Any]
Path = tuple[str, ...]
"""The names that lead to a value; EACH stands for the items of a list."""

EACH: Final = "[]"
DEEPEST: Final = 6
MOST_NAMES: Final = 24
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
"""What a field can be called; anything else might be a value that somebody has made a name of."""
TYPES: Final = ((bool, "boolean"), (int, "number"), (float, "number"), (str, "text"), (type(None), "null"))


def shape(value: Any, depth: int = 3) -> str:
    """The names and types of an answer, and nothing of its values."""
    if isinstance(value, dict):
        return f"{{{_fields(value, depth - 1)}}}" if depth else "{…}"
    if isinstance(value, list):
        return f"[{len(value)} of {shape(value[0], depth - 1)}]" if value and depth else f"[{len(value)}]"
    return next((name for kind, name in TYPES if isinstance(value, kind)), "value")


def _fields(value: Fields, depth: int) -> str:
    shown = [f"{_named(name)}: {shape(held, depth)}" for name, held in list(value.items())[:MOST_NAMES]]
    return ", ".join([*shown, "…"] if len(value) > MOST_NAMES else shown)


def _named(name: str) -> str:
    return name if NAME.fullmatch(name) else "…"


def written(path: Path) -> str:
    """A path in words: `results[].customer`."""
    return ".".join(map(_named_step, path)).replace(f".{EACH}", EACH) or "the whole answer"


def _named_step(step: str) -> str:
    return step if step == EACH else _named(step)


def holders(value: Any, email: str, path: Path = ()) -> Iterator[tuple[Path, Fields]]:
    """The objects in an answer that have this e-mail address, in whatever field, each with its path."""
    if len(path) > DEEPEST:
        return
    if isinstance(value, dict):
        if any(is_same_email(held, email) for held in value.values()):
            yield path, value
        for name, held in value.items():
            yield from holders(held, email, (*path, name))
    elif isinstance(value, list):
        for held in value:
            yield from holders(held, email, (*path, EACH))


def is_same_email(value: object, email: str) -> bool:
    """Whether a value is this address, upper and lower case alike."""
    return isinstance(value, str) and value.strip().lower() == email.lower()


def entries(value: Any) -> list[Any] | None:
    """The items of the list in an answer, wherever it is; None if there is no list."""
    lists = list(_lists(value))
    return next((each for each in lists if any(isinstance(item, dict) for item in each)), [] if lists else None)


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list):
        yield value
    elif isinstance(value, dict):
        for held in value.values():
            yield from _lists(held)


def names_of(customer: Fields, sent: str) -> list[str]:
    """The fields in which a customer has this value."""
    return [_named(name) for name, held in customer.items() if held == sent]
