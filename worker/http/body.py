"""The body of an answer: turns its bytes into a value, and finds an API's words about an error in it.

Nothing is lost on the way: if the bytes do not fit their charset, the body is unreadable, and never a text with gaps.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from email.message import Message
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Fields = Mapping[str, Any]

MESSAGE_FIELDS: Final = ("message", "error", "errors", "title", "detail")
"""Fields of an error's words, without case and underscores. Assumed (contract: Error codes): correct it here."""
HELP_FIELDS: Final = ("helplink", "help", "link")
"""The fields that can hold the link to iPaaS.com's help (contract: C that there is one, A its name)."""
ENVELOPES: Final = ("customer", "result", "data", "response")
"""The fields that an answer can be wrapped in (contract: "Read answers leniently", A)."""
ENVELOPES_DEPTH: Final = 4
ASIDES: Final = ("meta",)
"""The fields in which a call's outcome can stand beside what it answers."""
LISTS: Final = ("results", "customers", "data", "result")
"""The fields that can hold a list of customers or of outcomes (contract: as above, A)."""
MESSAGE_DEPTH: Final = 5
"""How many levels deep a nested body is searched for an error's words."""
MOST_DIGITS: Final = 100
ABSURD: Final = re.compile(rf"\d{{{MOST_DIGITS}}}", re.ASCII)
"""Only a text, or a number of absurd length, holds this many digits in a row."""
LONGEST_TITLE: Final = 120
MARKUP: Final = re.compile(r"\s*<(!doctype|html|head|body|\?xml)\b", re.IGNORECASE)
TITLE: Final = re.compile(r"<title[^>]*>([^<]{1,500})</title", re.IGNORECASE)
BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ALL_MARKS: Final = tuple(mark for mark, _ in BYTE_ORDER_MARKS)
NO_CHARSETS: Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"})
"""Encodings that Python knows and that no text on the wire has."""
LATIN_1: Final = "iso8859-1"
WINDOWS: Final = "cp1252"
CONTROLS: Final = re.compile("[\x80-\x9f]")
"""What Latin-1 has where Windows' charset has quotes and signs. Nobody writes these characters on purpose."""


class Unreadable(Exception):
    """The body can't be read. The error's text says why, and repeats nothing of the body."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a body holds."""

    value: Any = None
    """The JSON value, or a text that is not JSON; None if there is no body."""
    is_json: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is no body."""
        return self.value is None and not self.is_json

    @property
    def is_plain_text(self) -> bool:
        """Whether it is a text that is not JSON."""
        return self.value is not None and not self.is_json


def body_of(content: bytes, headers: Mapping[str, str]) -> Body:
    """The value in some bytes. Raises Unreadable for a web page, truncated JSON, or bytes of another charset."""
    media_type, encoding = _content_type(header(headers, "Content-Type"))
    text = _decoded(content, encoding).strip()
    if not text:
        return Body()
    try:
        return Body(_value(text), is_json=True)
    except (ValueError, ArithmeticError, RecursionError):  # arithmetic: an exponent of more digits than a Decimal takes
        # The page comes first: a gateway may label its page as JSON, and its title says more than "not JSON".
        if MARKUP.match(text) or media_type.endswith("html"):
            raise Unreadable(_page(text)) from None
        if media_type.endswith("json") or text[0] in '{["':
            raise Unreadable("the answer is not JSON, or was cut") from None
    return Body(text)


def _value(text: str) -> Any:
    """The JSON value of a text. NaN, infinity and numbers of absurd length are read as None.

    Some software encodes twice: if the value is a text that holds JSON, that JSON is the value.
    """
    whole = _whole if ABSURD.search(text) else int
    value = json.loads(text, parse_float=_number, parse_int=whole, parse_constant=lambda _: None)
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with contextlib.suppress(ValueError, ArithmeticError, RecursionError):
            return _value(value)
    return value


def _whole(literal: str) -> int | None:
    """A whole number, or None if it is absurdly long. Raises ValueError, as `int` does, for thousands of digits."""
    value = int(literal)
    return None if number_text(value) is None else value


def _number(literal: str) -> int | Decimal | str | None:
    """A number with all the digits it was written with. A whole one is an int, even if it was written as 12.0.

    A tiny one is a text, because a Decimal would be written as 1E-8 wherever it becomes a text.
    """
    text = number_text(Decimal(literal))
    if text is None:
        return None
    if "." not in text:
        return int(text)
    number = Decimal(text)
    return number if str(number) == text else text


def fields_of(value: dict[str, Any]) -> Fields:
    """An object's fields by their names without case and underscores, so that is_success and isSuccess are the same."""
    return {name.lower().replace("_", ""): held for name, held in value.items()}


def levels_of(value: Any) -> list[Fields]:
    """The objects of an answer that can say something about the call itself: the outermost one and its envelopes.

    If the answer is a list, it is the list's first entry, unless that is a record: an error can come in a list too.
    """
    if isinstance(value, list) and value and isinstance(value[0], dict) and "id" not in value[0]:
        value = value[0]
    levels: list[Fields] = []
    for _ in range(ENVELOPES_DEPTH):
        if not isinstance(value, dict):
            break
        fields = fields_of(value)
        asides = (fields[name] for name in ASIDES if isinstance(fields.get(name), dict))
        levels += fields, *map(fields_of, asides)
        value = next((fields[name] for name in ENVELOPES if isinstance(fields.get(name), dict)), None)
    return levels


def text_of(value: Any) -> str | None:
    """A value as text; numbers and booleans are written out, because the API is not strict. None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return number_text(value) if isinstance(value, int | float | Decimal) else None


def number_text(value: float | Decimal) -> str | None:
    """A number as people write it: 12345.0 is 12345. None for NaN, infinity, and numbers of absurd length."""
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        return None
    if not number:
        return "0"  # however it was written: -0, 0.00, 0e7
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@lru_cache(maxsize=64)
def _content_type(given: str) -> tuple[str, str]:
    """The media type that an answer names, and Python's name of its encoding; that is empty if there is no such one."""
    message = Message()
    message["Content-Type"] = given.translate({10: None, 13: None})
    charset = message.get_param("charset")
    return message.get_content_type(), _encoding(charset.strip() if isinstance(charset, str) else "")


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value whatever the case of its name; empty if it is not there."""
    return next((value for each, value in headers.items() if each.lower() == name.lower()), "")


def _decoded(content: bytes, encoding: str) -> str:
    """The text in some bytes: by its byte order mark, else by the encoding that the answer names, else UTF-8."""
    if content.startswith(ALL_MARKS):
        encoding = next(marked for mark, marked in BYTE_ORDER_MARKS if content.startswith(mark))
    if not encoding:
        raise Unreadable("the answer names a charset that does not exist")
    try:
        text = content.decode(encoding)
    except (LookupError, ValueError):  # a LookupError means that the encoding is not one of text
        raise Unreadable("the answer's bytes do not fit the charset that it names") from None
    return _as_browsers_do(content, text) if encoding == LATIN_1 else text


def _encoding(charset: str) -> str:
    try:
        encoding = codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        return ""
    return "" if encoding in NO_CHARSETS else encoding


def _as_browsers_do(content: bytes, text: str) -> str:
    """Read a text that claims to be Latin-1, but holds Windows' quotes, in Windows' charset, as browsers do."""
    if not CONTROLS.search(text):
        return text
    try:
        return content.decode(WINDOWS)
    except ValueError:
        return text


def _page(text: str) -> str:
    """Name a web page by its title, which shows whether it is a maintenance page or a login."""
    title = TITLE.search(text)
    words = " ".join(unescape(title[1]).split()) if title else ""
    return f"a web page: {words[:LONGEST_TITLE]}" if words else "a web page"


# What an API says about an error -------------------------------------------------------------------------------------


def words_of(value: Any, depth: int = MESSAGE_DEPTH) -> str:
    """The text under `message`, `error`, `errors`, `title` or `detail`, else all texts of the body (contract: errors).

    Texts are taken as they are, not as JSON, whose escapes would hide values that must be masked.
    """
    if isinstance(value, dict | list):
        return "; ".join(filter(None, _words(value, depth - 1))) if depth else "…"
    if isinstance(value, str) and MARKUP.match(value):
        return _page(value)
    return "" if value is None else str(value)


def _words(value: dict[str, Any] | list[Any], depth: int) -> Iterator[str]:
    if isinstance(value, list):
        yield from (words_of(item, depth) for item in value)
        return
    fields = fields_of(value)
    named = next((fields[name] for name in MESSAGE_FIELDS if fields.get(name)), None)
    if named is not None:
        yield words_of(named, depth)
        return
    for name, held in value.items():
        words = words_of(held, depth)
        yield words if name.lower() in ENVELOPES else f"{name}: {words}"


def help_in(value: Any) -> str:
    """The link to the API's own help; empty if the body has none."""
    fields = fields_of(value) if isinstance(value, dict) else {}
    links = (fields.get(name) for name in HELP_FIELDS)
    return next((link for link in links if isinstance(link, str) and link.startswith("https://")), "")
