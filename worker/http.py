"""Calls an HTTP API: the one place where `requests` is used.

One `Api` per connection and API keeps its connections alive and is shared by all threads. What it raises is of the
error catalogue; no exception of the network library, whose texts hold addresses and bodies, leaves this module.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from worker.effects import Effect, Witness, nobody, witnessed
from worker.errors import AnswerUnreadable, HostNotFound, SyncError
from worker.logs import log_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_ANSWER_BYTES = 16 * 1024 * 1024
LONGEST_RETRY_AFTER_SECONDS = 24 * 60 * 60
CHUNK_BYTES = 64 * 1024
REDIRECTS = range(300, 400)
MESSAGE_FIELDS = ("message", "error", "errors", "title")
MESSAGE_DEPTH = 5
"""How far an error's words are looked for in a body that is nested."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds to connect, and seconds without a byte; a whole call takes no longer than `call`.

    Not bounded so are name resolution, and a server that sends the head, or compressed bytes that unpack to nothing, in
    drops: a job that outlasts its lease that way finds its claim lost before its next write.
    """

    connect: float = 5
    read: float = 15

    @property
    def call(self) -> float:
        """The bound of one call: it may connect, wait for the answer, and read on until the last byte came too late."""
        return self.connect + 2 * self.read


@dataclass(frozen=True)
class Answer:
    """What an API answered. `body` is the JSON value, a text that is not JSON, or None where there is no body."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def is_ok(self) -> bool:
        """Whether the API did what it was asked to (2xx)."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the range of success

    @property
    def message(self) -> str:
        """The API's own words on an error; they may hold personal data."""
        return _message(self.body)

    @property
    def retry_after(self) -> float | None:
        """Seconds of the `Retry-After` header, which is a number or a date."""
        return retry_after(self.headers.get("Retry-After"), datetime.now(UTC))


class Gate(Protocol):
    """What every call passes first; it raises where the call must not be made."""

    def before_read(self) -> None:
        """Let a call through that changes nothing."""

    def before_write(self) -> None:
        """Let a call through that changes something."""


class Api:
    """One API with its base URL, its `Authorization` header and its kept-alive connections."""

    def __init__(
        self,
        name: str,
        base_url: str,
        authorization: str,
        unreachable: type[SyncError],
        *,
        timeouts: Timeouts = Timeouts(),
        connections: int = 20,
        witness: Witness = nobody,
    ) -> None:
        self.name = name
        self._base_url = base_url
        self._host = urlsplit(base_url).hostname or ""
        self._unreachable = unreachable
        self._timeouts = timeouts
        self._witness = witness
        self._session = _session(authorization, connections)

    def call(
        self,
        method: str,
        route: str,
        values: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        effect: Effect | None = None,
    ) -> Answer:
        """Make one call. `route` is a path with `{names}` that `values` fill; it alone is logged.

        A call that changes something names its effect. Raises HostNotFound, AnswerUnreadable, or the error that this
        Api was given for an API that does not answer.
        """
        path = route.format_map({name: quote(str(value), safe="") for name, value in (values or {}).items()})
        started = time.monotonic()
        status: int | None = None
        try:
            with witnessed(self._witness, effect) if effect else nullcontext():
                answer = self._exchange(method, path, query, body)
            status = answer.status
        finally:
            log_call(self.name, method, route, status, time.monotonic() - started)
        return answer

    def _exchange(self, method: str, path: str, query: Mapping[str, str] | None, body: object) -> Answer:
        give_up_at = time.monotonic() + self._timeouts.connect + self._timeouts.read
        try:
            with self._session.request(
                method,
                f"{self._base_url}/{path}",
                params=query,
                json=body,
                timeout=(self._timeouts.connect, self._timeouts.read),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._read(response, give_up_at)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._trouble(error) from None
        return self._answer(response, content)

    def _read(self, response: requests.Response, give_up_at: float) -> bytes:
        content = bytearray()
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            content += chunk
            if len(content) > LONGEST_ANSWER_BYTES:
                response.close()
                detail = f"{self._host} answered more than {LONGEST_ANSWER_BYTES >> 20} MB"
                raise AnswerUnreadable(detail, http_status=response.status_code)
            if time.monotonic() > give_up_at:
                response.close()
                raise self._unreachable(f"{self._host}: the answer took too long")
        return bytes(content)

    def _answer(self, response: requests.Response, content: bytes) -> Answer:
        status = response.status_code
        if status in REDIRECTS:
            raise AnswerUnreadable(f"{self._host} redirects to another address", http_status=status)
        answer = Answer(status, _parsed(content), response.headers)
        if answer.is_ok and _is_markup(answer.body):
            raise AnswerUnreadable(f"{self._host} answered a web page", http_status=status)
        return answer

    def _trouble(self, error: Exception) -> SyncError:
        if _was_not_resolved(error):
            return HostNotFound(f"{self._host} cannot be resolved")
        return self._unreachable(f"{self._host}: {_reason(error)}")


class _Session(requests.Session):
    """A session that sees no redirects: even to report one, `requests` reads its body without a bound."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """No redirect has a target."""


def _session(authorization: str, connections: int) -> requests.Session:
    """A session that takes nothing from the environment (proxies, .netrc) and keeps no cookies."""
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Authorization": authorization, "Accept": "application/json"})
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _was_not_resolved(error: Exception) -> bool:
    if isinstance(error, requests.exceptions.InvalidURL | urllib3.exceptions.LocationValueError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), urllib3.exceptions.NameResolutionError)


def _reason(error: Exception) -> str:
    reasons: list[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
        (requests.ConnectTimeout, "no connection in time"),
        ((requests.Timeout, urllib3.exceptions.TimeoutError), "no answer in time"),
        ((requests.exceptions.SSLError, urllib3.exceptions.SSLError), "no secure connection (certificate or protocol)"),
        ((requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError), "the answer was garbled"),
    ]
    known = (text for kinds, text in reasons if isinstance(error, kinds))
    return next(known, "the connection was refused or cut")


def _parsed(content: bytes) -> Any:
    text = content.decode("utf-8", errors="replace").strip().removeprefix("\ufeff")
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_markup(body: object) -> bool:
    return isinstance(body, str) and body.lstrip().startswith("<")


def _message(body: Any, depth: int = MESSAGE_DEPTH) -> str:
    """The text under `message`, `error`, `errors` or `title`, else all of the body's (contract: errors).

    Texts are taken as they are, not as JSON, whose escapes would hide values that are to be masked.
    """
    if isinstance(body, dict | list):
        return "; ".join(filter(None, _messages(body, depth - 1))) if depth else "…"
    if _is_markup(body):
        return "a web page"
    return "" if body is None else str(body)


def _messages(body: dict[str, Any] | list[Any], depth: int) -> Iterator[str]:
    if isinstance(body, list):
        yield from (_message(item, depth) for item in body)
        return
    named = next((body[name] for name in MESSAGE_FIELDS if body.get(name)), None)
    if named is not None:
        yield _message(named, depth)
        return
    yield from (f"{name}: {_message(value, depth)}" for name, value in body.items())


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` header, a number or an HTTP date; at most a day, None if it says nothing."""
    if not value:
        return None
    seconds = _number(value)
    if seconds is None:
        seconds = _seconds_until(value, now)
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_until(value: str, now: datetime) -> float | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
