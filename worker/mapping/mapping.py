"""Which fields of an iPaaS.com customer are sent to Stamped.io, and whether the customer should be subscribed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from worker.jobs.errors import (
    EmailInvalid,
    EmailMissing,
    RequiredFieldEmpty,
    SubscriptionValueInvalid,
    SyncError,
    ValueNotTranslated,
)
from worker.mapping.file import read_rows
from worker.mapping.rows import (
    BOOLEAN_WORDS,
    EMAIL,
    EMAIL_DESTINATIONS,
    SUBSCRIPTION,
    WIRE_NAMES,
    Level,
    Row,
    RowType,
    Value,
    folded,
)
from worker.mapping.sources import Read, certain_texts, reader
from worker.stamped.email_address import CLEAN, cleaned

if TYPE_CHECKING:
    from worker.config.text_file import Files
    from worker.ipaas.customer import Customer
    from worker.jobs.catalogue import Failure

DEFAULT = Path(__file__).with_name("default.toml")


@dataclass(frozen=True)
class Mapped:
    """One customer after the mapping.

    `payload` has Stamped.io's names and no empty value. `subscription` is None if it stays as it is, or if it is not
    clear; `unclear_subscription` then says why. `warnings` name only fields, never their values.
    """

    payload: dict[str, str]
    subscription: bool | None
    warnings: tuple[str, ...] = ()
    unclear_subscription: Failure | None = None


@dataclass(frozen=True)
class _Text:
    """A row that fills one field of the payload, ready to run."""

    row: Row
    wire_name: str
    read: Read

    def value(self, customer: Customer) -> str:
        """The text to send; empty if there is none. Raises EmailInvalid and ValueNotTranslated."""
        text = self.read(customer) or ""
        if not text.strip():
            return str(self.row.default or "")
        if self.row.translate:
            text = str(_translated(self.row, text, ValueNotTranslated))
        if self.row.destination in EMAIL_DESTINATIONS:
            return text if CLEAN.fullmatch(text) else self._address(text)
        # A cut text can end in half an emoji, for which UTF-8 has no place: a question mark is sent instead.
        return text.encode(errors="replace").decode()

    def _address(self, text: str) -> str:
        """The address in its one spelling. An invalid one is left out, unless it fills Email: then it is an error."""
        try:
            return cleaned(text)
        except EmailInvalid as error:
            if self.row.destination != EMAIL:
                return ""
            raise EmailInvalid(f"{self.row.source}: {error.failure.detail}") from None


class Mapping:
    """The rows of one mapping, prepared once so that mapping a customer costs little."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.rows = rows
        sent = [row for row in rows if row.destination != SUBSCRIPTION]
        self._texts = [_Text(row, WIRE_NAMES[row.destination], reader(row)) for row in sent]
        self._subscription_row = next((row for row in rows if row.destination == SUBSCRIPTION), None)

    @classmethod
    def read(cls, path: Path, files: Files | None = None) -> Self:
        """The mapping of a file. Raises FileNotFoundError, and ConfigurationError with all its faults."""
        return cls(read_rows(path, files))

    @classmethod
    @cache
    def default(cls) -> Self:
        """The specification's table, row for row."""
        return cls.read(DEFAULT)

    def __eq__(self, other: object) -> bool:
        """Whether another mapping makes the same of every customer."""
        return self.rows == other.rows if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # a row may hold a table

    @property
    def maps_subscription(self) -> bool:
        """Whether a row fills IsSubscribed; without one the subscription is left unchanged."""
        return self._subscription_row is not None

    @property
    def resubscribes(self) -> bool:
        """Whether a customer that Stamped.io shows as unsubscribed is subscribed again when the mapping says true."""
        return self._subscription_row is None or self._subscription_row.resubscribe

    def keeps(self, current: bool | None, desired: bool, *, is_new: bool = False) -> bool:  # noqa: FBT001 - two states
        """Whether a customer's present subscription state stays as it is.

        It stays if it is the desired one. If the row does not resubscribe, nobody is subscribed who may have
        unsubscribed, which includes an unknown state. A new customer can't have, whatever its first state is.
        """
        if current is desired:
            return True
        return desired and not self.resubscribes and not is_new

    @property
    def static_subscription(self) -> bool | None:
        """The value of a Static row for IsSubscribed; None if there is no such row."""
        row = self._subscription_row
        return bool(row.value) if row and row.type is RowType.STATIC else None

    def apply(self, customer: Customer) -> Mapped:
        """Map one customer; raises EmailMissing, EmailInvalid, RequiredFieldEmpty or ValueNotTranslated.

        A subscription that is not clear is the subscription job's error: the customer is sent all the same.
        """
        payload: dict[str, str] = {}
        empty: list[Row] = []
        for text in self._texts:
            if value := text.value(customer):
                payload[text.wire_name] = value
            else:
                empty.append(text.row)
        _refuse_required(empty)
        subscription, unclear = self._subscription_or_failure(customer)
        if self._subscription_row and subscription is None and not unclear:
            empty.append(self._subscription_row)
        warnings = tuple(_in_words(row) for row in empty if row.level is Level.RECOMMENDED)
        return Mapped(payload, subscription, warnings, unclear)

    def subscription(self, customer: Customer) -> bool | None:
        """Whether the customer should be subscribed; None if that is not mapped, or the source is empty.

        Raises SubscriptionValueInvalid if the source is not clear, which includes several custom fields of one name
        that differ, and RequiredFieldEmpty if it is empty and the row is required.
        """
        row = self._subscription_row
        if row is None or row.type is RowType.STATIC:
            return self.static_subscription
        states = {_state(row, text) for text in certain_texts(row, customer)}
        if len(states) > 1:
            raise SubscriptionValueInvalid(f"{row.source} is there several times, and what it says differs")
        (state,) = states
        if state is None:
            _refuse_required([row])
        return state

    def _subscription_or_failure(self, customer: Customer) -> tuple[bool | None, Failure | None]:
        try:
            return self.subscription(customer), None
        except SubscriptionValueInvalid as error:
            return None, error.failure


# Values ---------------------------------------------------------------------------------------------------------------


def _state(row: Row, text: str) -> bool | None:
    """What a text of the source says of the subscription; None if it is empty. Raises SubscriptionValueInvalid.

    True and false mean what they say in a row that translates, too: an `otherwise` must not turn somebody's yes round.
    """
    if not text.strip():
        return None if row.default is None else bool(row.default)
    plain = {"true": True, "false": False}.get(folded(text))
    if row.translate and (folded(text) in row.translate or plain is None):
        return bool(_translated(row, text, SubscriptionValueInvalid))
    if folded(text) not in BOOLEAN_WORDS:
        raise SubscriptionValueInvalid(f"{row.source} holds neither true nor false")
    return BOOLEAN_WORDS[folded(text)]


def _translated(row: Row, text: str, error: type[SyncError]) -> Value:
    """What is sent for a text of the source. Raises `error` if the row does not say."""
    value = row.translate.get(folded(text), row.otherwise)
    if value is None:
        raise error(f"{row.source} holds what translate does not name")
    return value


# Rows that stayed empty ----------------------------------------------------------------------------------------------


def _refuse_required(empty: list[Row]) -> None:
    """Raise for required rows that stayed empty: EmailMissing if Email is one, since nothing else helps without it."""
    required = [row for row in empty if row.level is Level.REQUIRED]
    detail = "; ".join(map(_in_words, required))
    if any(row.destination == EMAIL for row in required):
        raise EmailMissing(detail)
    if required:
        raise RequiredFieldEmpty(detail)


def _in_words(row: Row) -> str:
    return f"{row.destination} is {row.level} and its source {row.source} is empty"
