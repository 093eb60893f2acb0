"""Takes personal data out of text that an API wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BREAKS = r"\s@<>\"'(),;:&?/\\\[\]{}"
EMAIL = re.compile(
    rf"(?:\"[^\"@]{{1,64}}\"|(?<![^{BREAKS}=])[^{BREAKS}=]+)(?:@|%40|\\u0040)\[?[^{BREAKS}]+\]?", re.IGNORECASE
)
"""It can start only behind a break, so that the time it takes grows with the text and not with its square."""
MASK = "[masked]"
LONGEST = 300
"""Characters of an API's message that are kept."""
LOOKED_AT = 2_000
"""Characters of an API's message that are looked at: more than are kept, as masks are shorter than what they hide."""
SHORTEST_VALUE = 2
"""A value of fewer characters is not searched for: it would take ordinary words apart."""
SHORTEST_WORD = 3
MOST_WORDS = 4
"""A value of more words is a sentence, whose words are everybody's."""
SHORTEST_QUOTE = 12
"""So many characters in a row of a longer value are a quote of it."""


def masked(text: str, values: Iterable[str] = ()) -> str:
    """`text` on one line and not too long, without e-mail addresses and without the `values`, whole or in part."""
    text = _on_one_line(text[:LOOKED_AT])
    values = [_on_one_line(value) for value in values]
    for telling in sorted({part for value in values for part in _telling(value)}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(telling)}(?!\w)", MASK, text, flags=re.IGNORECASE)
    for value in values:
        text = _without_quotes(text, value)
    text = EMAIL.sub(MASK, text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _telling(value: str) -> Iterator[str]:
    """The value and the parts of it that tell who it is: the words of a name, the name in an address."""
    if len(value) >= SHORTEST_VALUE:
        yield value
    words = [*value.split(), value.partition("@")[0]]
    if len(words) <= MOST_WORDS:
        yield from (word for word in words if len(word) >= SHORTEST_WORD)


def _without_quotes(text: str, value: str) -> str:
    """The text without longer pieces of the value, as where an API cuts it short."""
    pieces = {value[start : start + SHORTEST_QUOTE] for start in range(len(value) - SHORTEST_QUOTE + 1)}
    found = (start for start in range(len(text)) if text[start : start + SHORTEST_QUOTE] in pieces)
    hidden = {place for start in found for place in range(start, start + SHORTEST_QUOTE)}
    kept = "".join("\0" if place in hidden else character for place, character in enumerate(text))
    return re.sub("\0+", MASK, kept)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
