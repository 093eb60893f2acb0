"""Looks into an answer whose shape is not known: finds the customer in it, and describes it without its values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from worker.http.body import ENVELOPES, ENVELOPES_DEPTH, LISTS
from worker.jobs.intents import Trouble
from worker.jobs.job import STAMPED_ID, plain_text
from worker.stamped.answers import IDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.http.answers import Answer

Fields = dict[str, Any]
Path = tuple[str, ...]
"""The names that lead to a value; EACH stands for the items of a list."""

EACH: Final = "[]"
DEEPEST: Final = 6
MOST_NAMES: Final = 24
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
"""What a field can be called; anything else might be a value that is used as a name."""
TYPES: Final = ((bool, "boolean"), (int, "number"), (float, "number"), (str, "text"), (type(None), "null"))
WHOLE_ADDRESS: Final = re.compile(r"(?!.*\.\.)[^\s@*•…]+@[^\s@*•…]+")
"""An e-mail address of which nothing is masked."""


def is_readable(answer: Answer) -> bool:
    """Whether it is an answer of the API at all."""
    return answer.trouble is not Trouble.UNREADABLE


def is_ok(answer: Answer) -> bool:
    """Whether Stamped.io did what it was asked to, or will."""
    return answer.is_accepted or answer.is_queued


def is_passing(answer: Answer) -> bool:
    """Whether it only says that Stamped.io is busy or down, and nothing about the API."""
    return answer.trouble in {Trouble.LIMITED, Trouble.UNAVAILABLE}


def in_words(answer: Answer) -> str:
    """An answer's status and shape, in words that hold none of its values."""
    if not is_readable(answer):
        return f"HTTP {answer.status} with what is no JSON, such as a web page or a redirect"
    return f"HTTP {answer.status} with {'no body' if answer.body is None else shape(answer.body)}"


# The names and types in an answer ------------------------------------------------------------------------------------


def shape(value: Any, depth: int = 3) -> str:
    """The names and types of an answer, and none of its values."""
    if isinstance(value, dict):
        return f"{{{_fields(value, depth - 1)}}}" if depth else "{…}"
    if isinstance(value, list):
        return f"[{len(value)} of {shape(value[0], depth - 1)}]" if value and depth else f"[{len(value)}]"
    return next((name for kind, name in TYPES if isinstance(value, kind)), "value")


def _fields(value: Fields, depth: int) -> str:
    shown = [f"{_named(name)}: {shape(held, depth)}" for name, held in list(value.items())[:MOST_NAMES]]
    return ", ".join([*shown, "…"] if len(value) > MOST_NAMES else shown)


def _named(step: str) -> str:
    return step if step == EACH or NAME.fullmatch(step) else "…"


def written(path: Path) -> str:
    """A path in words: `results[].customer`."""
    return ".".join(map(_named, path)).replace(f".{EACH}", EACH) or "the whole answer"


def names_of(customer: Fields, sent: str) -> list[str]:
    """The fields in which a customer has this value."""
    return [_named(name) for name, held in customer.items() if held == sent]


# The customers in an answer ------------------------------------------------------------------------------------------


def answered(body: Any, email: str) -> tuple[Path, Fields] | None:
    """The customer of an answer, with its path: by the e-mail address, or else by an id where the worker looks."""
    found = sorted(holders(body, email), key=lambda each: not is_single_path(each[0]))
    return next(iter(found), None) or _unwrapped(body)


def _unwrapped(body: Any) -> tuple[Path, Fields] | None:
    """The object that has an id but no e-mail address."""
    path: Path = ()
    while isinstance(body, dict) and len(path) <= ENVELOPES_DEPTH:
        if id_of(body):
            return path, body
        name = next((name for name in ENVELOPES if isinstance(body.get(name), dict)), "")
        path, body = (*path, name), body.get(name)
    return None


def is_single_path(path: Path) -> bool:
    """Whether the worker looks there for the one customer of an answer: flat, or in wrappers."""
    return len(path) <= ENVELOPES_DEPTH and all(step in ENVELOPES for step in path)


def is_list_path(path: Path) -> bool:
    """Whether the worker looks there for the customers of a list, bare or named: each flat or in wrappers."""
    if path.count(EACH) != 1:
        return False
    before, behind = path[: path.index(EACH)], path[path.index(EACH) + 1 :]
    is_looked_for = not before or (before[-1] in LISTS and is_single_path(before[:-1]))
    return is_looked_for and is_single_path(behind)


def id_of(customer: Fields | None) -> str | None:
    """The id of a customer, under the names by which the worker looks for it."""
    texts = (plain_text(customer.get(name)) for name in IDS) if customer else ()
    return next((text for text in texts if STAMPED_ID.fullmatch(text)), None)


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
    """Whether a value is this address, in upper or lower case."""
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


def shown_address(entry: Any) -> str:
    """The e-mail address that an item of a list shows, flat or in wrappers; empty if it shows none, or masks it."""
    while isinstance(entry, dict):
        texts = (held.strip() for name, held in entry.items() if "mail" in name.lower() and isinstance(held, str))
        if address := next(filter(WHOLE_ADDRESS.fullmatch, texts), ""):
            return address
        entry = next((entry[name] for name in ENVELOPES if name in entry), None)
    return ""
