"""Makes texts comparable that a person would call the same, despite case, accents and invisible characters."""

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
"""Characters that show nothing: Unicode's default ignorable ones, and the blank of Braille."""
DROPPED: Final = re.compile(f"[\u0300-\u036f\u0591-\u05bd\u064b-\u0652\u2028\u2029{INVISIBLE}]")
"""Combining marks and characters that nobody sees."""
SPELT_OUT: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "ß": "ss", "đ": "dj"}
)
"""How letters are spelt if a keyboard or a form does not have them."""


LEAST_KEPT: Final = 3
"""So many letters and digits must be left of a text whose other characters were dropped, to tell it from anybody's."""


def folded(text: str) -> str:
    """The text as it is compared: without case, accents and invisible characters."""
    text = text if text.isascii() else DROPPED.sub("", unicodedata.normalize("NFKD", text))
    return text.casefold()


def spellings(text: str) -> set[str]:
    """The folded spellings in which software may return a text: spelt out, garbled, or with gaps."""
    if text.isascii():
        return {folded(text)}
    composed = unicodedata.normalize("NFC", text)
    written = {composed, composed.lower().translate(SPELT_OUT), *_garbled(composed)}
    return {each for each in map(folded, written) if each}


def _garbled(text: str) -> Iterator[str]:
    """The text as if read in another charset, or without the characters that a charset lacks."""
    for charset in ("latin-1", "cp1252"):
        yield text.encode(errors="replace").decode(charset, errors="replace")
    for hole in ("?", "\ufffd"):
        yield "".join(char if char.isascii() else hole for char in text)
    kept = "".join(filter(str.isascii, text))
    if sum(map(str.isalnum, kept)) >= LEAST_KEPT:  # else it would be any blank, any hyphen or any letter
        yield kept


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text, and where each of its characters stood in the original."""

    text: str
    places: Sequence[int]

    @classmethod
    def of(cls, text: str) -> Self:
        """The text, folded character by character."""
        if text.isascii():
            return cls(text.casefold(), range(len(text) + 1))
        pieces = [folded(char) for char in text]
        places = [place for place, piece in enumerate(pieces) for _ in piece]
        return cls("".join(pieces), [*places, len(text)])

    def found(self, sought: str) -> Iterator[tuple[int, int]]:
        """Where a folded text occurs, as places in the original: the first, and the one after the last."""
        start = self.text.find(sought)
        while start >= 0:
            yield self.places[start], self.places[start + len(sought)]
            start = self.text.find(sought, start + 1)
