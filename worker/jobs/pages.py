"""Cuts long lists into pages; each page is one round trip to the ledger."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE: Final = 500

Item = TypeVar("Item")


def pages(items: Iterable[Item], size: int = PAGE) -> Iterator[list[Item]]:
    """The items in lists of at most `size`."""
    remaining = iter(items)
    while page := list(islice(remaining, size)):
        yield page
