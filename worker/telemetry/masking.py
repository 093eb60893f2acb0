"""Masks personal data in text that an API wrote, whatever spelling or escapes it comes back in."""

from __future__ import annotations

import re
from email.errors import MessageError
from email.header import decode_header, make_header
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING, Final

from worker.telemetry.folding import Folded, folded, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BREAKS: Final = r"\s@<>\"'(),;:&?/\\\[\]{}"
EMAIL: Final = re.compile(
    rf"(?:\"[^\"@]{{1,64}}\"|(?<![^{BREAKS}=])[^{BREAKS}=]+)(?:@|%40|\\u0040)\[?[^{BREAKS}]+\]?", re.IGNORECASE
)
"""A match can only start after a break; otherwise the time would grow with the square of the text's length."""
MASK: Final = "[masked]"
LONGEST: Final = 4_000
"""How many characters of an API's words are kept."""
LOOKED_AT: Final = 16_000
"""How many characters are looked at: more than are kept, because masks shorten the text."""
SHORTEST_VALUE: Final = 2
"""A value with fewer characters is not searched for: it would mask parts of ordinary words."""
LONGEST_VALUE: Final = 200
"""A longer value is only searched for by its quotes: software may respell names, but not essays."""
SHORTEST_WORD: Final = 3
SHORTEST_INSIDE: Final = 4
"""A word this long is also found inside other words; a shorter one, such as Tom, would mask a part of `customer`."""
MOST_WORDS: Final = 4
"""A value with more words is a sentence, and its single words are not personal."""
SHORTEST_QUOTE: Final = 12
"""This many characters in a row from a longer value count as a quote of it."""
BLOCK: Final = SHORTEST_QUOTE // 2
"""The size of the blocks that a value is cut into; every quote holds at least one whole block."""
BLOCKS_ALIKE: Final = 8
"""How many places of the same block are tried."""
ROUNDS: Final = 3
"""How many times escapes are undone: an escape can be escaped again."""

ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,31}[0-9]{0,2});", re.IGNORECASE)
UNITS: Final = re.compile(r"(?<!\\)(?:\\+u[0-9a-f]{4})+|(?:%u[0-9a-f]{4})+", re.IGNORECASE)
BYTES: Final = re.compile(r"(?:%[0-9a-f]{2})+|(?<!\\)(?:\\+x[0-9a-f]{2})+|(?:=[89a-f][0-9a-f])+", re.IGNORECASE)
MIME_WORD: Final = re.compile(r"=\?[\w-]{1,40}\?[bq]\?[^?\s]{1,1000}\?=", re.IGNORECASE)
"""An encoded word of a mail's headers (RFC 2047)."""
HEX: Final = re.compile(r"[0-9a-f]{4}|[0-9a-f]{2}", re.IGNORECASE)


def without(secrets: Iterable[str], text: str) -> str:
    """`text` as it is, unless it repeats one of the `secrets`: then as `masked` would show it, without them."""
    secrets = [_unescaped(secret) for secret in secrets]  # as the text is: a key can hold what looks like an escape
    seen = Folded.of(_unescaped(text[:LOOKED_AT]))
    is_clean = not any(part in seen.text or [*_quotes(seen.text, part)] for part in map(folded, secrets))
    return text if is_clean else _masked(text, secrets, secrets)


def masked(text: str, values: Iterable[str] = ()) -> str:
    """`text` on one line, shortened, with e-mail addresses and the `values` masked, whole or in part."""
    values = [_on_one_line(value) for value in values]
    return _masked(text, values, [part for value in values for part in _personal_parts(value)])


def _masked(text: str, values: Iterable[str], personal: Iterable[str]) -> str:
    """Without the `personal` parts, and without quotes of the `values`."""
    text = _unescaped(text[:LOOKED_AT])
    seen, hidden = Folded.of(text), bytearray(len(text))
    for address in EMAIL.finditer(text):  # before its domain is hidden, as the customer's own: its name would stay
        hidden[address.start() : address.end()] = b"\1" * len(address[0])
    parts = {spelling for part in personal for spelling in spellings(part)}
    for part in sorted(parts, key=len, reverse=True):
        for start, end in seen.found(part):
            if len(part) >= SHORTEST_INSIDE or _stands_alone(text, hidden, start, end):
                hidden[start:end] = b"\1" * (end - start)
    for value in values:
        for start, end in _quotes(seen.text, folded(value)):
            first, behind = seen.places[start], seen.places[end]
            hidden[first:behind] = b"\1" * (behind - first)
    shown = EMAIL.sub(MASK, _printable(_with_masks(text, hidden)))
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def _personal_parts(value: str) -> Iterator[str]:
    """The value and the parts of it that show who it is: the words of a name, the name in an address."""
    if SHORTEST_VALUE <= len(value) <= LONGEST_VALUE:
        yield value
    name, at, _ = value.partition("@")
    words = value[:LONGEST_VALUE].split()
    if len(words) > MOST_WORDS:
        return
    parts = {name, *re.findall(r"\w+", name)} if at else {*words, *re.findall(r"\w+", value), "".join(words)}
    yield from (part for part in parts if len(part) >= SHORTEST_WORD)


def _stands_alone(text: str, hidden: bytearray, start: int, end: int) -> bool:
    """Whether a short word stands alone: between signs or masked text, or set off by its capitals."""
    is_begun = start == 0 or not text[start - 1].isalnum() or hidden[start - 1] or _turns(text[start - 1], text[start])
    is_ended = end == len(text) or not text[end].isalnum() or hidden[end] or _turns(text[end - 1], text[end])
    return bool(is_begun and is_ended)


def _turns(before: str, behind: str) -> bool:
    return (before.islower() and behind.isupper()) or before.isalpha() != behind.isalpha()


def _quotes(text: str, value: str) -> Iterator[tuple[int, int]]:
    """Where longer pieces of the value stand in the text, for example because the API has cut it."""
    if len(value) < SHORTEST_QUOTE:
        return
    blocks: dict[str, list[int]] = {}
    for start in range(0, len(value) - BLOCK + 1, BLOCK):
        blocks.setdefault(value[start : start + BLOCK], []).append(start)
    place = 0
    while place <= len(text) - BLOCK:
        starts = islice(blocks.get(text[place : place + BLOCK], ()), BLOCKS_ALIKE)
        first, behind = max(
            (_alike(text, place, value, start) for start in starts),
            key=lambda quote: quote[1] - quote[0],
            default=(place, place),
        )
        if behind - first >= SHORTEST_QUOTE:
            yield first, behind
            place = behind - BLOCK  # any block before that belongs to this quote
        place += 1


def _alike(text: str, place: int, value: str, start: int) -> tuple[int, int]:
    """How far text and value agree around a block that they share: the first place, and the one after the last."""
    before = 0
    while before < min(place, start) and text[place - before - 1] == value[start - before - 1]:
        before += 1
    longest, behind = min(len(text) - place, len(value) - start), BLOCK
    while behind < longest and text[place + behind] == value[start + behind]:
        behind += 1
    return place - before, place + behind


def _with_masks(text: str, hidden: bytearray) -> str:
    kept = "".join("\0" if mask else char for char, mask in zip(text, hidden, strict=True))
    return re.sub("\0+", MASK, kept)


# Escapes --------------------------------------------------------------------------------------------------------------


def _unescaped(text: str) -> str:
    """The text on one line, as a person would write it: without the escapes of HTML, JSON, URLs and mail."""
    for _ in range(ROUNDS):
        plain = ENTITY.sub(lambda match: unescape(match[0]), text)
        plain = UNITS.sub(_of_units, plain)
        plain = MIME_WORD.sub(_of_mime, plain)
        plain = BYTES.sub(_of_bytes, plain).replace("\\/", "/")
        if plain == text:
            break
        text = plain
    return _on_one_line(text.replace("\0", " "))


def _of_units(match: re.Match[str]) -> str:
    """The text of UTF-16 units, two of which can make one character."""
    units = b"".join(int(unit, 16).to_bytes(2, "little") for unit in HEX.findall(match[0]))
    return units.decode("utf-16-le", "replace")


def _of_bytes(match: re.Match[str]) -> str:
    content = bytes(int(byte, 16) for byte in re.findall(r"[0-9a-f]{2}", match[0], re.IGNORECASE))
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _of_mime(match: re.Match[str]) -> str:
    try:
        return str(make_header(decode_header(match[0])))
    except (ValueError, LookupError, MessageError):
        return match[0]


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _printable(text: str) -> str:
    """The text without control characters, which could steer a terminal, and half emojis, which cannot be written."""
    return "".join(char if char.isprintable() else " " for char in text)
