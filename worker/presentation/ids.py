"""What people give to name customers: ids, or e-mail addresses in their place; each customer counts once.

An e-mail address is personal: no fault repeats one, nor anything that looks like one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from worker.config.text_file import Unreadable, decoded
from worker.jobs.errors import CustomerIdInvalid, EmailInvalid
from worker.jobs.job import NO_ID, customer_id
from worker.presentation.wording import counted, printable, shortened
from worker.stamped.email_address import cleaned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FAULTS_SHOWN: Final = 20
"""How many bad ids are shown at most: a file that is not a list of ids can have thousands."""
UNDECODED: Final = "surrogateescape"
"""How a list is opened: bytes that are not UTF-8 are kept, so that a fault can name their line."""
LONGEST_SHOWN: Final = 40
"""Characters that are shown of what is no id: it may be anything."""
MOST_EMAILS: Final = 100
"""How many addresses are looked up at once: each is a call of iPaaS.com, for which somebody waits."""
LONGEST_EMAIL: Final = 320
"""Characters of an address at most: 64, the @ and 255 (RFC 5321)."""

AT: Final = re.compile("@|%40|[\uff20\ufe6b]")
"""What shows a text to be an e-mail address, or what was meant for one."""
NOT_TAKEN: Final = "looks like an e-mail address, which is not looked up here: give the iPaaS.com Customer ID"
NO_EMAIL: Final = "looks like an e-mail address, but is none: {0}. Correct it, or give the iPaaS.com Customer ID"
TOO_MANY_EMAILS: Final = (
    "{0:,} e-mail addresses are more than the {1:,} that are looked up at once. Give them in parts, or give ids, of "
    "which there can be any number."
)


class Unclear(Exception):
    """A text names no customer. The text of this error says where it stands and why, and what to do."""


class NoId(Unclear):
    """It should be an id and is none, so that it helps to know what ids look like."""


@dataclass(frozen=True, slots=True)
class Given:
    """A text that should be an id or an e-mail address, and where it was found."""

    text: str = field(repr=False)
    place: str
    entry: int = 0
    """Which entry of its place it is; 0 if it is the only one."""
    fault: str = ""
    """What is wrong with its place, if nothing can be read there."""


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address in place of an id, and where it was found. Two are the same if their texts are."""

    text: str = field(repr=False)
    place: str = field(compare=False)


Entry: TypeAlias = str | Email
"""An id, or an address."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What looking addresses up came to: whose id each has, and a fault for every other one."""

    ids: Mapping[Email, str] = field(default_factory=dict, repr=False)
    faults: Sequence[str] = ()


NOTHING_LOOKED_UP: Final = LookedUp()


@dataclass(frozen=True, slots=True)
class Checked:
    """What was given: the entries in their order, each once, and what is wrong with the rest."""

    entries: Sequence[Entry] = ()
    faults: Sequence[str] = ()
    """The first of them; see `FAULTS_SHOWN`."""
    fault_count: int = 0
    has_bad_id: bool = False
    """Whether one of them is about an id."""
    is_text: bool = True
    """Whether everything given is UTF-8; else the first fault of that kind is the only one."""
    repeated: int = 0
    """How many entries were left out, as the same one came before."""

    @property
    def faults_left_out(self) -> int:
        """How many more there are than are shown."""
        return self.fault_count - len(self.faults)

    @property
    def to_look_up(self) -> list[Email]:
        """The addresses; none if there are too many, which is a fault."""
        emails = [each for each in self.entries if isinstance(each, Email)]
        return emails if len(emails) <= MOST_EMAILS else []

    def ids(self, found: LookedUp = NOTHING_LOOKED_UP) -> list[str]:
        """The ids in their order, each once, those of the addresses among them."""
        ids = (found.ids.get(each) if isinstance(each, Email) else each for each in self.entries)
        return list(dict.fromkeys(filter(None, ids)))

    def dropped(self, ids: Sequence[str]) -> int:
        """How many entries named a customer again, if every entry names one and these are the ids."""
        return self.repeated + len(self.entries) - len(ids)


NOTHING_GIVEN: Final = Checked()


def checked(given: Iterable[Given], *, takes_emails: bool = True) -> Checked:
    """Separate ids and addresses from whatever is neither."""
    entries: dict[Entry, None] = {}
    faults: list[str] = []
    count = total = 0
    has_bad_id = False
    for each in given:
        try:
            entries[_entry(each, takes_emails=takes_emails)] = None
            total += 1
        except Unclear as fault:
            if encoding_fault(each.text):
                return Checked(faults=[str(fault)], fault_count=1, is_text=False)
            count += 1
            has_bad_id = has_bad_id or isinstance(fault, NoId)
            faults += [str(fault)] if count <= FAULTS_SHOWN else []
    emails = sum(isinstance(each, Email) for each in entries) if takes_emails else 0
    if emails > MOST_EMAILS:
        count += 1
        faults.append(TOO_MANY_EMAILS.format(emails, MOST_EMAILS))
    return Checked(list(entries), faults, count, has_bad_id, repeated=total - len(entries))


def _entry(given: Given, *, takes_emails: bool) -> Entry:
    """The id or the address that was given. Raises Unclear."""
    if given.fault:
        raise Unclear(f"{given.place}: {given.fault}")
    try:
        return customer_id(given.text)
    except CustomerIdInvalid:
        if not takes_emails or not AT.search(given.text) or encoding_fault(given.text):
            raise NoId(f"{given.place}: {no_id(given.text)}") from None
    return email_at(given.text, f"{given.place}, entry {given.entry}" if given.entry else given.place)


def email_at(text: str, place: str) -> Email:
    """The address in a text that looks like one. Raises Unclear, which repeats none of it."""
    try:
        if address := cleaned(text) if len(text) <= LONGEST_EMAIL else "":
            return Email(address, place)
        why = f"it has more than {LONGEST_EMAIL} characters" if text[LONGEST_EMAIL:] else "there is nothing in it"
    except EmailInvalid as error:
        why = error.failure.detail
    raise Unclear(f"{place}: {NO_EMAIL.format(why)}")


def dropped_in_words(count: int) -> str:
    """How many entries named a customer again."""
    entries, were = counted(count, "entry", "entries"), "was" if count == 1 else "were"
    return f"{entries} named a customer that was named before, and {were} dropped."


def no_id(text: str) -> str:
    """Says why a text is no id."""
    if fault := encoding_fault(text):
        return fault
    return NOT_TAKEN if AT.search(text) else f"'{printable(shortened(text, LONGEST_SHOWN))}' {NO_ID}"


def encoding_fault(text: str) -> str:
    """Says why a text that was read with `UNDECODED` is not UTF-8; empty if it is."""
    try:
        decoded(text.encode(errors=UNDECODED))
    except Unreadable as error:
        return str(error)
    return ""
