"""Faults of the configuration: what is wrong, where, and what would be right.

All faults of a file are collected and raised together, so that a person can put the file right in one go. A fault names
keys, variables and paths; it never shows the value of a secret.
"""

from __future__ import annotations

import difflib
import logging
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import AfterValidator, SecretStr
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

log = logging.getLogger(__name__)

NEAR_ENOUGH = 0.75
"""How alike a name must be to be suggested (`difflib` ratio, 0 to 1); if none is, all known names are listed."""
PART_LETTERS = 3
"""A name that is a part of the other is suggested from so many letters on, unless it is a part of several."""

LEAST_SECRET = 16
"""How long a text with digits in it is that may be a key."""

PROBLEMS = {
    "missing": "is missing",
    "string_type": "must be text in quotes",
    "string_too_short": "is empty",
    "string_unicode": "must be UTF-8 text",
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "date_type": "must be a day without quotes, year first",
    "date_from_datetime_inexact": "must be a day without a time",
    "finite_number": "must be a number",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "frozen_set_type": "must be a list",
    "literal_error": "must be {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
}
"""What a fault says for each of pydantic's error types."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: in which file, at which key (or line), what, and an example of right."""

    file: str
    key: str
    problem: str
    example: str = ""

    def __str__(self) -> str:
        example = f" (for example: {self.example})" if self.example else ""
        return ": ".join(filter(None, [self.file, self.key, f"{self.problem}{example}"]))


class ConfigurationError(Exception):
    """The configuration can't be used; `faults` holds everything that is wrong with it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


def nearest(name: object, known: Iterable[str]) -> str:
    """The known name that was probably meant, ignoring case; empty if none is like it."""
    text, names = str(name).casefold(), {each.casefold(): each for each in known}
    near = difflib.get_close_matches(text, names, n=1, cutoff=NEAR_ENOUGH)
    near = near or [each for each in names if _is_part(text, each) or _is_part(each, text)]
    return names[near[0]] if len(near) == 1 else ""


def _is_part(name: str, other: str) -> bool:
    return len(name) >= PART_LETTERS and name in other


def unknown(name: object, kind: str, known: Sequence[str]) -> str:
    """Says that a name is not one of the known ones, and which of them was probably meant."""
    near = nearest(name, known)
    others = known[0] if len(known) == 1 else f"one of {', '.join(known)}"
    hint = f"did you mean {near}?" if near else f"use {others}"
    return f"{shown(name)} is not a {kind}; {hint}"


def shown(name: object) -> str:
    """A name that somebody wrote, in quotes, unless it may be a secret that was put into the wrong place."""
    is_hidden = without_secret(str(name)) != str(name)
    return "what stands here (it is not shown, as it may be a secret)" if is_hidden else repr(name)


def without_secret(name: str) -> str:
    """A name, or an ellipsis in the place of what may be a secret."""
    is_long = len(name) >= LEAST_SECRET and any(map(str.isdigit, name))
    return "…" if is_long and name.isascii() and not set(name) & {*"./ "} else name


def unknown_key(file: str, place: str, key: str, examples: Mapping[str, str]) -> Fault:
    """The fault of a key at a place of a file; `examples` holds an example of each key that is known there."""
    known = list(examples)
    right = nearest(key, known) or known[0]
    return Fault(file, place, unknown(key, "known key", known), examples[right])


def wrong(problem: str, example: str = "") -> PydanticCustomError:
    """The error that a pydantic validator raises; its fault says exactly `problem`."""
    return PydanticCustomError("fault", "{problem}", {"problem": problem, "example": example})


def checked(is_right: Callable[[Any], object], problem: str) -> AfterValidator:
    """The validator of a value, or of a secret's text, that raises `problem` if the value is not right."""

    def check(value: Any) -> Any:
        if not is_right(value.get_secret_value() if isinstance(value, SecretStr) else value):
            raise wrong(problem)
        return value

    return AfterValidator(check)


def fault_of(error: ErrorDetails, file: str, key: str, example: str) -> Fault:
    """What pydantic found wrong at a key, without the value. The validator's own example comes before this one."""
    context = error.get("ctx", {})
    words = PROBLEMS.get(error["type"])
    in_digits = {name: _in_digits(value) for name, value in context.items()}
    problem = words.format(**in_digits) if words else error["msg"]
    return Fault(file, key, problem, str(context.get("example") or example))


def _in_digits(limit: object) -> object:
    """A limit as a person would write it: 1000000, and neither 1e+06 nor 1000000.0."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def warn(text: str) -> None:
    """Log, once in a process, what is probably wrong but stops nothing. Does nothing before logging is set up."""
    if log.hasHandlers():
        log_once(text)


@cache
def log_once(text: str) -> None:
    """Log a warning that this process has not logged before."""
    log.warning(text)
