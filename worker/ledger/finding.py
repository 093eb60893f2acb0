"""What a proof of Redis finds, and the gathering of what was refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import redis

from worker.ledger.refusals import ABORTED, COMMAND, REFUSALS, RIGHTS, URL, code_of, in_words, passes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORBIDDEN_COMMAND: Final = re.compile(r"to run the '([a-z|]+)' command")
FORBIDDEN_KEY: Final = re.compile(r"access.* key")
FORBIDDEN_CHANNEL: Final = re.compile(r"access.* channel")


@dataclass(frozen=True)
class Finding:
    """One thing about a Redis that is not as it must be."""

    problem: str
    """What Redis does or is, as the rest of a sentence that begins with it."""
    fix: str
    is_error: bool = True
    """Whether no job runs so, or accepted jobs are lost."""
    passes: bool = False
    """Whether it can pass without anybody changing the configuration."""
    works: bool = False
    """Whether jobs run all the same."""

    def __str__(self) -> str:
        return f"{self.problem}: {self.fix}"

    @classmethod
    def of(cls, error: redis.RedisError) -> Finding:
        """What Redis refused, or that there was no answer."""
        problem, _, fix = in_words(error).partition(": ")
        return cls(problem, fix, passes=passes(error))

    @classmethod
    def known(cls, code: str) -> Finding:
        """A refusal that is known, though nothing was refused yet."""
        refusal = REFUSALS[code]
        return cls(refusal.words, refusal.advice, passes=refusal.passes)

    @property
    def subject(self) -> str:
        """What it is about, without what stands in brackets."""
        return self.problem.partition(" (")[0]


@dataclass
class Gathering:
    """What was refused so far, each thing once."""

    errors: dict[str, redis.RedisError] = field(default_factory=dict)
    """Refusals of Redis as a whole, by their code."""
    rights: dict[str, None] = field(default_factory=dict)
    """Missing rights, as a rule of the access control names them."""
    unknown: dict[str, None] = field(default_factory=dict)
    """Commands that Redis does not know as they are used."""
    foreign: dict[str, None] = field(default_factory=dict)
    """Keys that hold something of another software."""

    def by(self, act: Callable[[], object], command: str, keys: str = "") -> str | None:
        """Do something; answers the code if it is refused. Raises what is no answer of Redis."""
        try:
            act()
        except redis.RedisError as error:
            return self.note(error, command, keys)
        return None

    def note(self, error: redis.RedisError, command: str, keys: str) -> str:
        """Note a refusal; answers its code."""
        code = code_of(error)
        if code is None:
            raise error
        if code == RIGHTS:
            self.rights[_right(str(error), command, keys)] = None
        elif code in {COMMAND, "ERR"}:
            self.unknown[command] = None
        elif code == "WRONGTYPE":
            self.foreign[keys] = None
        elif code != ABORTED:  # because of previous errors, which were noted
            self.errors.setdefault(code, error)
        return code

    def findings(self, user: str) -> Iterator[Finding]:
        """All of it, in words; `user` is who has too few rights."""
        yield from map(Finding.of, self.errors.values())
        if rights := " ".join(self.rights):
            yield Finding(f"does not give its user {user} all rights ({RIGHTS})", f"ACL SETUSER {user} {rights}")
        if self.unknown:
            words = f"does not know these commands as they are used: {', '.join(self.unknown)}"
            yield Finding(words, REFUSALS[COMMAND].advice)
        if self.foreign:
            words = f"holds data of another software under {', '.join(self.foreign)}"
            yield Finding(words, f"name a database of its own in {URL}")


def _right(text: str, command: str, keys: str) -> str:
    """The right that is missing, as a rule names it."""
    if FORBIDDEN_CHANNEL.search(text):
        return f"&{keys}"
    if FORBIDDEN_KEY.search(text):
        return f"~{keys}"
    named = FORBIDDEN_COMMAND.search(text)
    return f"+{(named.group(1) if named else command).lower()}"
