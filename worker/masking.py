"""Takes personal data out of text that an API wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

EMAIL = re.compile(r"[^\s@<>\"'(),;:=&?/\\\[\]{}]+(?:@|%40|\\u0040)[^\s@<>\"'(),;:&?/\\\[\]{}]+", re.IGNORECASE)
MASK = "[masked]"
LONGEST = 300
"""Characters of an API's message that are kept."""
SHORTEST_VALUE = 2
"""A value of fewer characters is not searched for: it would take ordinary words apart."""


def masked(text: str, values: Iterable[str] = ()) -> str:
    """`text` on one line and not too long, without e-mail addresses and without any of the `values`."""
    for value in sorted(filter(_is_telling, values), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, text, flags=re.IGNORECASE)
    text = " ".join(EMAIL.sub(MASK, text).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _is_telling(value: str) -> bool:
    return len(value.strip()) >= SHORTEST_VALUE
