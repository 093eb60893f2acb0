"""Takes personal data out of text that an API wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BREAKS = r"\s@<>\"'(),;:&?/\\\[\]{}"
EMAIL = re.compile(rf"(?<![^{BREAKS}=])[^{BREAKS}=]+(?:@|%40|\\u0040)\[?[^{BREAKS}]+\]?", re.IGNORECASE)
"""It can start only behind a break, so that the time it takes grows with the text and not with its square."""
MASK = "[masked]"
LONGEST = 300
"""Characters of an API's message that are kept."""
SHORTEST_VALUE = 2
"""A value of fewer characters is not searched for: it would take ordinary words apart."""


def masked(text: str, values: Iterable[str] = ()) -> str:
    """`text` on one line and not too long, without e-mail addresses and without any of the `values`."""
    text = _on_one_line(text)
    for value in sorted(map(_on_one_line, values), key=len, reverse=True):
        if len(value) >= SHORTEST_VALUE:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, text, flags=re.IGNORECASE)
    text = EMAIL.sub(MASK, text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
