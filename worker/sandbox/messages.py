"""What comes in and what goes out: a request and an answer, free of any server's machinery."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject: TypeAlias = dict[str, Any]
Api: TypeAlias = Literal["ipaas", "stamped"]

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One call, as far as the sandbox looks at it."""

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

    def json_object(self) -> JsonObject | None:
        """The body, or None if it is anything but a JSON object."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def page(self, parameter: str, first: int = 1) -> int | None:
        """The page that a query parameter asks for, the first without one, or None if it is no such number."""
        text = self.query.get(parameter, str(first))
        is_number = text.isascii() and text.isdecimal() and len(text) <= len("1000000")
        return int(text) if is_number and int(text) >= first else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, and how: `value` as JSON, or `text` as it is."""

    value: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    customer_id: str | None = None
    """The customer that the call turned out to be about, for the log of calls."""
    padding_bytes: int = 0
    """Blanks that are streamed behind the content."""
    delay_seconds: float = 0
    is_cut: bool = False
    """The connection is closed in place of an answer."""

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
