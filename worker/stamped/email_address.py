"""E-mail addresses: cleans them of what people type around them, and decides whether two are the same mailbox."""

from __future__ import annotations

import re
import string
import unicodedata
from typing import Final
from urllib.parse import unquote

from worker.jobs.errors import EmailInvalid
from worker.telemetry.folding import INVISIBLE

UNSEEN: Final = re.compile(f"[{INVISIBLE}]")
REPLACED: Final = frozenset("\ufffc\ufffd")
"""The characters that software writes in place of one that it lost."""
NOT_ASCII: Final = "\u037e\u1fef\u212a"
"""Characters that composition (NFC) would turn into ASCII ones, such as the Kelvin sign into K: another mailbox."""
DOTS: Final = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
"""Other full stops that can separate the parts of a domain (RFC 3490)."""
MAILTO: Final = re.compile(r"mailto:/*", re.IGNORECASE)
APART: Final = re.compile(f"([{NOT_ASCII}])")
SPECIAL: Final = frozenset('<>()[],;:\\"@')
"""Characters that an address can hold only within quotes (RFC 5321)."""
ASCII_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


CLEAN: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*", re.ASCII | re.IGNORECASE)
"""An address that `cleaned` would not change, as is true of most."""


def cleaned(text: str) -> str:
    """The address in a text: composed (NFC), without blanks around it, `mailto:` and invisible characters.

    So each address has one spelling. Empty if the text shows nothing. Raises EmailInvalid, which names the character
    that no address can hold by its number and place, and repeats nothing else of the text.
    """
    address = _plain(text)
    if not address:
        return ""
    local, at, domain = address.rpartition("@")
    if not at:
        raise EmailInvalid("there is no @ in it")
    if not local or not domain:
        raise EmailInvalid("nothing stands before the @" if domain else "nothing stands behind the @")
    is_quoted, is_literal = _is_between(local, '""'), _is_between(domain, "[]")
    wrong = (*_wrong(local, is_free=is_quoted), *_wrong(domain, is_free=is_literal))
    if wrong:
        raise EmailInvalid(_named(wrong[0], text))
    return address


def is_same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses are one mailbox, whatever the case of the domain and of ASCII letters in the local part."""
    return _mailbox(one) == _mailbox(other)


def _mailbox(address: str) -> tuple[str, str]:
    local, _, domain = _plain(address).rpartition("@")
    return local.translate(ASCII_LOWER), domain.lower()


def _plain(text: str) -> str:
    text = UNSEEN.sub("", text).strip()
    if MAILTO.match(text):
        text = unquote(MAILTO.sub("", text, count=1).partition("?")[0]).strip()
    composed = (part if part in NOT_ASCII else unicodedata.normalize("NFC", part) for part in APART.split(text))
    local, at, domain = "".join(composed).rpartition("@")
    return f"{local}{at}{domain.translate(DOTS).removesuffix('.')}"


def _is_between(text: str, marks: str) -> bool:
    return len(text) > len(marks) and text.startswith(marks[0]) and text.endswith(marks[1])


def _wrong(text: str, *, is_free: bool) -> list[str]:
    """The characters that can't stand there: controls, lost ones and, unless it is quoted, blanks and special ones."""
    return [char for char in text if _is_never_meant(char) or (not is_free and _is_special(char))]


def _is_never_meant(char: str) -> bool:
    return unicodedata.category(char)[0] == "C" or char in REPLACED or char in NOT_ASCII


def _is_special(char: str) -> bool:
    return char in SPECIAL or char.isspace()


def _named(char: str, text: str) -> str:
    unnamed = "half a character" if unicodedata.category(char) == "Cs" else "a control character"
    name = unicodedata.name(char, unnamed)
    place = (text.rfind(char, 0, text.rfind("@")) if char == "@" else text.find(char)) + 1
    where = f"character {place} of it" if place else "a character of it"
    return f"{where} is U+{ord(char):04X} ({name.lower()})"
