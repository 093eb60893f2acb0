"""Texts that a person would call the same: whatever their case, accents, composition and invisible characters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What shows nothing and no text means: Unicode's default ignorable characters, and the blank of Braille."""
DROPPED: Final = re.compile(f"[\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u2028\u2029{INVISIBLE}]")
"""Combining marks and characters that nobody sees."""
SPELT_OUT: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "ß": "ss", "đ": "dj"}
)
"""How letters are spelt where a keyboard or a form does not have them."""


def folded(text: str) -> str:
    """The text for comparing."""
    text = text if text.isascii() else DROPPED.sub("", unicodedata.normalize("NFKD", text))
    return text.casefold()


def spellings(text: str) -> set[str]:
    """The ways in which a text, folded, comes back from software: spelt out, garbled, or with holes."""
    if text.isascii():
        return {folded(text)}
    composed = unicodedata.normalize("NFC", text)
    written = {composed, composed.lower().translate(SPELT_OUT), *_garbled(composed)}
    return {each for each in map(folded, written) if each}


def _garbled(text: str) -> Iterator[str]:
    """Read as another charset, or without what a charset does not have."""
    for charset in ("latin-1", "cp1252"):
        yield text.encode(errors="replace").decode(charset, errors="replace")
    for hole in ("?", "\ufffd", ""):
        yield "".join(char if char.isascii() else hole for char in text)


@dataclass(frozen=True, slots=True)
class Folded:
    """A text for comparing, and where each of its characters stood before."""

    text: str
    places: Sequence[int]

    @classmethod
    def of(cls, text: str) -> Self:
        """The text, folded one character after the other."""
        if text.isascii():
            return cls(text.casefold(), range(len(text) + 1))
        pieces = [folded(char) for char in text]
        places = [place for place, piece in enumerate(pieces) for _ in piece]
        return cls("".join(pieces), [*places, len(text)])

    def found(self, sought: str) -> Iterator[tuple[int, int]]:
        """Where a folded text stands, by the places before folding: from, and up to."""
        start = self.text.find(sought)
        while start >= 0:
            yield self.places[start], self.places[start + len(sought)]
            start = self.text.find(sought, start + 1)
