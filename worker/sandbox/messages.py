"""A request, its answer and the entry of both in the log of calls, independent of any server."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JsonObject: TypeAlias = dict[str, Any]
Api: TypeAlias = Literal["ipaas", "stamped"]

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"

_CUSTOMER_IN_PATH = re.compile(r"/(?:Customer|LookupExternal|customers)/(\d+)")


@dataclass(frozen=True, slots=True)
class Request:
    """One call: the parts of it that the sandbox looks at."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""
    body: bytes = b""

    @property
    def segments(self) -> list[str]:
        """The parts of the path, without the first slash."""
        return self.path[1:].split("/")

    @property
    def api(self) -> Api:
        """The API that the path belongs to; whatever is not Stamped.io's is iPaaS.com's."""
        return "stamped" if self.path.startswith("/api/") else "ipaas"

    def json_object(self, **more: str) -> JsonObject:
        """The body. Raises Refused, with `more` in its answer, if it is anything but a JSON object."""
        with suppress(ValueError, RecursionError):
            if isinstance(value := json.loads(self.body), dict):
                return value
        raise Refused(400, "The body is not a JSON object.", **more)

    def page(self, parameter: str, first: int = 1) -> int | None:
        """The page that a query parameter asks for: the first without the parameter, None if it is no page number."""
        text = self.query.get(parameter, str(first))
        is_number = text.isascii() and text.isdecimal() and len(text) <= len("1000000")
        return int(text) if is_number and int(text) >= first else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: `value` as JSON, or `text` as it is."""

    value: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    customer_id: str | None = None
    """The customer that the call turned out to be about, for the log of calls."""
    padding_bytes: int = 0
    """How many blanks are streamed after the content."""
    delay_seconds: float = 0
    is_cut: bool = False
    """The connection is closed instead of an answer."""

    @property
    def content(self) -> bytes:
        """The body's bytes; a lone surrogate in a text becomes a question mark, as UTF-8 has no place for it."""
        text = json.dumps(self.value, ensure_ascii=False) if self.text is None else self.text
        return text.encode("utf-8", "replace")

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers, with a content type."""
        return {"Content-Type": JSON_TYPE if self.text is None else TEXT_TYPE, **self.headers}

    @property
    def is_success(self) -> bool:
        """Whether the status is one of the 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - the first digit is the class of an HTTP status


class Refused(Exception):
    """What a call asks for is not done; the answer says why.

    Assumed: the answer holds a `message`, and one of iPaaS.com also a `code`. The contract leaves the names of both
    properties open.
    """

    def __init__(self, status: int, message: str, *, customer_id: str | None = None, **more: str) -> None:
        super().__init__(message)
        self.answer = Answer({**more, "message": message}, status, customer_id=customer_id)


@dataclass(frozen=True, slots=True)
class Call:
    """One call in the log, without its body and query string.

    It is noted once it has arrived and done what it asks for, and before its answer is sent.
    """

    api: Api
    method: str
    path: str
    status: int | None
    """None if the connection was cut instead of an answer."""
    at: float
    """Seconds since 1970."""
    customer_id: str | None
    """The customer's id in the API that was called, if the call names it or its effect shows it."""


def noted(request: Request, answer: Answer) -> Call:
    """The entry of the log for a call and its answer."""
    named = _CUSTOMER_IN_PATH.search(request.path)
    return Call(
        api=request.api,
        method=request.method,
        path=request.path,
        status=None if answer.is_cut else answer.status,
        at=time.time(),
        customer_id=named[1] if named else answer.customer_id,
    )


def page_of(found: Sequence[Any], number: int, size: int) -> tuple[list[Any], int]:
    """One page of what was found, counted from 1, and how many pages there are: one even if nothing was found."""
    return list(found[(number - 1) * size : number * size]), max(1, -(-len(found) // size))
