"""What an answer means: each exchange with either API becomes one of five intents here, and nowhere else.

`_meaning` is the table of the design's *What an answer means*; `worker.http.call_outcome` finds what a body says about
the call itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from worker.http.body import Body, Unreadable, body_of, header, help_in, levels_of, words_of
from worker.http.call_outcome import (
    ACCEPTED,
    GONE,
    NOT_FOUND,
    OF_ONE_RECORD,
    SPEAKING,
    TOO_MANY,
    code_in,
    named_by_store,
    refused_as,
)
from worker.http.retry_after import seconds_asked
from worker.jobs.intents import Intent, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_CONTENT, PARTIAL = 204, 206
SUCCESSES: Final = range(200, 300)
STATUSES_OF_ERRORS: Final = range(400, 600)
OF_CREDENTIALS: Final = frozenset({401, 403})
CODES_OF_SYSTEM: Final = frozenset({"VALD-1017", "VALD-1023"})
"""The connection's system id is invalid (contract: C)."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came back over the wire, not interpreted yet; it has no status if nothing came."""

    status: int | None = None
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    """The reason phrase of the status line."""
    fault: str = ""
    """What went wrong on the way, in our words."""
    trouble: Trouble | None = None
    """Set if something went wrong on the way; there is nothing to read then."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an API answered, and what it means."""

    status: int | None
    intent: Intent
    trouble: Trouble | None = None
    """What is wrong, if the intent is the store's."""
    body: Any = field(default=None, repr=False)
    """The JSON value, a text that is not JSON, or None if there is no body."""
    words: str = field(default="", repr=False)
    """What it says about an error, after iPaaS.com's code and before the link to its help; not masked yet."""
    has_own_words: bool = False
    """Whether the words are ours, and repeat nothing that came over the wire."""
    code: str = ""
    """iPaaS.com's error code."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_accepted(self) -> bool:
        """Whether the API did what it was asked to."""
        return self.intent is Intent.ACCEPTED

    @property
    def is_missing(self) -> bool:
        """Whether the API says that there is no such record."""
        is_status = self.status in {NOT_FOUND, GONE} and not self.code
        return self.intent is Intent.CUSTOMERS and (is_status or self.code.startswith("NFND"))

    @property
    def is_queued(self) -> bool:
        """Whether the API only accepted the call, to do it later."""
        return self.intent is Intent.NOT_YET

    @property
    def retry_after(self) -> float | None:
        """How many seconds the API asks to wait; None if it does not ask."""
        return seconds_asked(header(self.headers, "Retry-After"), header(self.headers, "Date"), datetime.now(UTC))

    @property
    def is_error_status(self) -> bool:
        """Whether the status alone says that the call failed, even if the body can't be read."""
        return self.status in STATUSES_OF_ERRORS

    @property
    def has_no_content(self) -> bool:
        """Whether the API says that its answer is empty (204)."""
        return self.status == NO_CONTENT

    @property
    def of_no_record(self) -> Answer:
        """The same answer to a call whose path names no record: "not found" then means that the API itself is down.

        But with a code of iPaaS.com's, it means the record that the call's body names.
        """
        is_away = self.is_missing and not self.code
        return replace(self, intent=Intent.STORES, trouble=Trouble.UNAVAILABLE) if is_away else self

    def unreadable(self, reason: str) -> Answer:
        """The same answer as an unreadable one, because it is about another record or about something else."""
        return replace(self, intent=Intent.STORES, trouble=Trouble.UNREADABLE, words=reason, has_own_words=True)


class Meaning(NamedTuple):
    """An intent and, if it is the store's, its trouble."""

    intent: Intent
    trouble: Trouble | None = None


UNREADABLE: Final = Meaning(Intent.STORES, Trouble.UNREADABLE)


def read(exchange: Exchange, *, has_codes: bool = False, takes_text: bool = False) -> Answer:
    """What an exchange means. Never raises, whatever came over the wire.

    `has_codes`: it may hold iPaaS.com's error codes. `takes_text`: a success may be plain text instead of JSON.
    """
    status = exchange.status
    if exchange.trouble or status is None:
        trouble = exchange.trouble or Trouble.SILENT
        return Answer(status, Intent.STORES, trouble, words=exchange.fault, has_own_words=True)
    if status not in SUCCESSES and status not in STATUSES_OF_ERRORS:
        return replace(_unreadable(exchange, _strange(status)), has_own_words=True)
    try:
        body = body_of(exchange.content, exchange.headers)
    except Unreadable as error:
        return _unreadable(exchange, str(error))
    return _read(exchange, status, body, has_codes=has_codes, takes_text=takes_text)


def _read(exchange: Exchange, status: int, body: Body, *, has_codes: bool, takes_text: bool) -> Answer:
    levels = levels_of(body.value)
    # Most answers are plain customers that say nothing about the call: they skip the search for refusals and codes.
    is_done = status in SUCCESSES and status not in {ACCEPTED, PARTIAL}
    if is_done and isinstance(body.value, dict) and all(map(SPEAKING.isdisjoint, levels)):
        return Answer(status, Intent.ACCEPTED, body=body.value, headers=exchange.headers)
    named = status  # what the body says that the status should have been
    if status not in SUCCESSES:
        named = named_by_store(levels) or status
    elif not (takes_text and isinstance(body.value, str)):
        named = refused_as(body.value, levels) or status
    # Only now the code: whether the answer is an error decides how much of its text may be searched for one.
    code = code_in(body.value, levels, exchange.reason, is_error=named in STATUSES_OF_ERRORS) if has_codes else ""
    meaning = _meaning(named, code, body, takes_text=takes_text)
    words = "" if meaning.intent is Intent.ACCEPTED else _said(body.value, exchange.reason, code)
    return Answer(status, *meaning, body=body.value, words=words, code=code, headers=exchange.headers)


def _meaning(status: int, code: str, body: Body, *, takes_text: bool) -> Meaning:
    """What a status and a code mean together. The code outranks the status, except 429: no record alone causes that."""
    if status == TOO_MANY:
        return Meaning(Intent.STORES, Trouble.LIMITED)
    if code:
        return _meaning_of_code(code)
    if status in SUCCESSES:
        return UNREADABLE if body.is_plain_text and not takes_text else _meaning_of_success(status)
    if status in OF_CREDENTIALS:
        return Meaning(Intent.STORES, Trouble.CREDENTIALS)
    if status not in OF_ONE_RECORD:
        return Meaning(Intent.STORES, Trouble.UNAVAILABLE)
    # An error without JSON is not the API's: a gateway says "default backend - 404", or nothing. Believing it would
    # fail every customer. Only a 404 or 410 may be empty, because the API itself may answer like that.
    has_spoken = body.is_json or (body.is_empty and status in {NOT_FOUND, GONE})
    return Meaning(Intent.CUSTOMERS) if has_spoken else UNREADABLE


def _meaning_of_code(code: str) -> Meaning:
    if code.startswith(("AUTH", "AUTZ")):
        return Meaning(Intent.STORES, Trouble.CREDENTIALS)
    if code.startswith("INTL"):
        return Meaning(Intent.STORES, Trouble.UNAVAILABLE)
    return Meaning(Intent.STORES, Trouble.SYSTEM) if code in CODES_OF_SYSTEM else Meaning(Intent.CUSTOMERS)


def _meaning_of_success(status: int) -> Meaning:
    if status == ACCEPTED:
        return Meaning(Intent.NOT_YET)
    return UNREADABLE if status == PARTIAL else Meaning(Intent.ACCEPTED)


def _unreadable(exchange: Exchange, reason: str) -> Answer:
    trouble = Trouble.LIMITED if exchange.status == TOO_MANY else Trouble.UNREADABLE
    return Answer(exchange.status, Intent.STORES, trouble, words=reason, headers=exchange.headers)


def _strange(status: int) -> str:
    return "redirects to another address" if status in range(300, 400) else "answers with a status that means nothing"


def _said(value: Any, reason: str, code: str) -> str:
    """An error's words: the body's, else the reason phrase, which iPaaS.com's own code reads too (contract: C)."""
    words = words_of(value) or reason
    if code and code not in words.upper():
        words = f"{code}: {words}" if words else code
    link = help_in(value)
    return f"{words} ({link})" if link and link not in words else words
