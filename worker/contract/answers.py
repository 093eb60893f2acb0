"""Finds the customer in an answer, and says whether it stands where the worker looks for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from worker.contract.shapes import EACH, holders
from worker.http.body import LISTS
from worker.jobs.job import STAMPED_ID, plain_text
from worker.stamped.answers import DEEPEST_WRAPPER, WRAPPERS

if TYPE_CHECKING:
    from worker.contract.shapes import Fields, Path

WHOLE_ADDRESS: Final = re.compile(r"(?!.*\.\.)[^\s@*•…]+@[^\s@*•…]+")
"""An e-mail address of which nothing is masked."""


def answered(body: Any, email: str) -> tuple[Path, Fields] | None:
    """The customer of an answer, with its path: by the e-mail address, or else by an id where one is looked for."""
    found = list(holders(body, email))
    expected = [each for each in found if is_single_path(each[0])]
    return next(iter(expected or found), None) or _unwrapped(body)


def is_single_path(path: Path) -> bool:
    """Whether the one customer of an answer is looked for there: flat, or in wrappers."""
    return len(path) <= DEEPEST_WRAPPER and all(step in WRAPPERS for step in path)


def is_list_path(path: Path) -> bool:
    """Whether the customers of a list are looked for there: in a bare or a named list, each flat or in wrappers."""
    if path.count(EACH) != 1:
        return False
    before, behind = path[: path.index(EACH)], path[path.index(EACH) + 1 :]
    is_looked_for = not before or (before[-1] in LISTS and is_single_path(before[:-1]))
    return is_looked_for and is_single_path(behind)


def id_of(customer: Fields | None) -> str | None:
    """The id of a customer, under the names that it is looked for."""
    if not customer:
        return None
    texts = (plain_text(customer.get(name)) for name in ("id", "customerId"))
    return next((text for text in texts if STAMPED_ID.fullmatch(text)), None)


def shown_address(entry: Any) -> str:
    """The e-mail address that an item of a list shows, flat or in wrappers; empty if it shows none, or masks it."""
    while isinstance(entry, dict):
        texts = (held.strip() for name, held in entry.items() if "mail" in name.lower() and isinstance(held, str))
        if address := next(filter(WHOLE_ADDRESS.fullmatch, texts), ""):
            return address
        entry = next((entry[name] for name in WRAPPERS if name in entry), None)
    return ""


def _unwrapped(body: Any) -> tuple[Path, Fields] | None:
    """What has an id but no e-mail address."""
    path: Path = ()
    while isinstance(body, dict) and len(path) <= DEEPEST_WRAPPER:
        if id_of(body):
            return path, body
        name = next((name for name in WRAPPERS if isinstance(body.get(name), dict)), "")
        path, body = (*path, name), body.get(name)
    return None
