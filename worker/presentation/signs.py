"""Shows text on an output whose encoding lacks some of its signs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from itertools import cycle
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

COERCED: Final = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
"""What Python itself puts into LC_CTYPE if it finds the C locale (PEP 538)."""

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
IN_ASCII: Final = str.maketrans(
    {
        "✓": "ok",
        "✗": "x",
        "…": "...",
        "→": "->",
        "←": "<-",
        "≤": "<=",
        "≥": ">=",
        **dict.fromkeys("‐‑‒–—―−•·", "-"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("‘’‚‹›", "'"),
        **dict.fromkeys("─━╌╍┄┅┈┉╴╶╸╺═", "-"),
        **dict.fromkeys("│┃╎╏┆┇┊┋║", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╭╮╰╯╔╗╚╝╠╣╦╩╬", "+"),
        **dict.fromkeys("█▉▊▋▌▍▎▏▐▓▒░▀▄■", "#"),
        **dict(zip(_SPINNER, cycle("|/-\\"))),
        "×": "x",
        "\N{NO-BREAK SPACE}": " ",
    }
)
"""The signs that carry a meaning, in ASCII. A bar keeps its length, so that it can be redrawn in place."""


@dataclass(frozen=True)
class Signs:
    """What an output can show."""

    encoding: str
    is_plain: bool = False
    """Signs are written in ASCII, whatever the encoding has."""

    @classmethod
    def of(cls, stream: IO[str] | None) -> Signs:
        """The signs of a stream; one that the command line has opened knows its own."""
        own = getattr(stream, "signs", None)
        encoding = getattr(stream, "encoding", None) or "ascii"
        return own if isinstance(own, Signs) else cls(encoding, is_plain=_is_utf8_a_guess())

    def readable(self, text: str) -> str:
        """The text with an ASCII sign for each that the output lacks; other characters that it lacks are escaped."""
        if text.isascii():
            return text
        if self.is_plain:
            text = text.translate(IN_ASCII)
        return text if self._has(text) else "".join(self._shown(text))

    def _has(self, text: str) -> bool:
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def _shown(self, text: str) -> Iterable[str]:
        for char in text:
            yield char if self._has(char) else char.translate(IN_ASCII).encode("ascii", "backslashreplace").decode()


def _is_utf8_a_guess() -> bool:
    """Whether Python writes UTF-8 only because it was started in the C or POSIX locale (PEP 540).

    Then this may be a container without a locale, whose terminal shows UTF-8, or a terminal that shows only ASCII.
    Data is written as Python guesses, but signs with a meaning are written in ASCII, to be safe.
    """
    if not sys.flags.utf8_mode or os.environ.get("PYTHONUTF8") or os.environ.get("PYTHONIOENCODING"):
        return False
    ctype = os.environ.get("LC_CTYPE", "")
    named = os.environ.get("LC_ALL") or (ctype if ctype not in COERCED else "") or os.environ.get("LANG", "")
    return "utf" not in named.lower()
