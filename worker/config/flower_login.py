"""What is wrong with Flower's logins, wherever they are set."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def problems_of(logins: Sequence[str]) -> Iterator[str]:
    """What is wrong with the logins. They are secrets, so each is named by its number."""
    for number, login in enumerate(logins, start=1):
        if problem := _problem(login):
            yield f"login {number} of {len(logins)}: {problem}" if len(logins) > 1 else problem


def _problem(login: str) -> str:
    user, colon, password = login.partition(":")
    problems = {
        "is empty": not login.strip(),
        "must be a user and a password with a colon between; a comma begins the next login": not colon,
        "has no user before the colon": not user.strip(),
        "has no password behind the colon": not password,
        "must not begin or end its user with a blank": user != user.strip(),
        "holds a line break or another control character": any(unicodedata.category(each) == "Cc" for each in login),
        "is not UTF-8 text": not _is_text(login),
    }
    return next((problem for problem, is_so in problems.items() if is_so), "")


def _is_text(login: str) -> bool:
    """Whether it is text in UTF-8: an environment can hold any bytes."""
    try:
        login.encode()
    except UnicodeEncodeError:
        return False
    return True
