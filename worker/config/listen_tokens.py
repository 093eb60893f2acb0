"""The tokens of the front door: who may hand over triggers. Each has a name, which the access log shows."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}", re.ASCII)
TOKEN: Final = re.compile(r"[!-+\--~]+")
"""Printable ASCII without blanks and commas."""
LEAST_LETTERS: Final = 16
OF_EXAMPLES: Final = "a-long-random-token"
SCHEME: Final = "bearer"


def tokens_in(text: str) -> list[str]:
    """Each `name:token` of a text, separated by commas or lines; empty lines and comments (#) do not count."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [each.strip() for line in lines for each in line.split(",") if each.strip()]


def problems_of(tokens: Sequence[str]) -> Iterator[str]:
    """What is wrong with the tokens. They are secrets, so each is named by its number."""
    names: dict[str, str] = {}
    for number, each in enumerate(tokens, start=1):
        place = f"token {number} of {len(tokens)}: " if len(tokens) > 1 else ""
        if problem := _problem(each):
            yield place + problem
        name, _, token = each.partition(":")
        if token and names.setdefault(token, name) != name:
            yield f"{place}is another name's as well: give each sender its own"


def _problem(text: str) -> str:
    name, colon, token = text.partition(":")
    problems = {
        "must be a name and a token with a colon between": not (colon and name and token),
        "must have a name of letters, digits, . - and _ alone, 40 at most": not NAME.fullmatch(name),
        f"has fewer than {LEAST_LETTERS} characters behind the colon, and could be guessed": len(token) < LEAST_LETTERS,
        "is that of the examples, which everybody knows": token == OF_EXAMPLES,
        "holds a blank, or a character that no header can": not TOKEN.fullmatch(token),
    }
    return next((problem for problem, is_so in problems.items() if is_so), "")


class Tokens:
    """The tokens of a moment, for comparing: as digests, which are all of one length."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._names = [(name, _digest(token.encode())) for name, _, token in (each.partition(":") for each in tokens)]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._names)

    def name_of(self, authorization: str) -> str | None:
        """Whose token an `Authorization` header holds, which may be anything; None if it holds none of them.

        Every one is compared, each in constant time: how long it takes tells nothing of any of them.
        """
        scheme, _, given = authorization.strip().partition(" ")
        digest = _digest(given.strip().encode(errors="surrogateescape"))
        found = [name for name, known in self._names if hmac.compare_digest(known, digest)]
        return found[0] if found and scheme.lower() == SCHEME else None


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
