"""Words and numbers as a person reads them, on any screen and in the log."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text on one line, without control characters: data must not steer the terminal."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def shortened(text: str, longest: int) -> str:
    """The text, cut if it is longer than `longest` characters."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def counted(count: int, singular: str, plural: str = "") -> str:
    """A number and its noun: `1 job`, `2,000 jobs`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
