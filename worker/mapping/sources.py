"""Reads what a customer has in the source of a row."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING

from worker.jobs.errors import SubscriptionValueInvalid
from worker.mapping.rows import CUSTOM_FIELDS, SOURCES, Row, RowType, folded

if TYPE_CHECKING:
    from worker.ipaas.customer import Customer, CustomField

Read = Callable[["Customer"], str | None]
"""Reads one source from a customer."""


def reader(row: Row) -> Read:
    """What reads the source of a row, made ready once so that mapping a customer costs little."""
    if row.type is RowType.STATIC:
        return lambda _: str(row.value)
    if row.source.startswith(CUSTOM_FIELDS):
        return _custom_field_reader(row.source.removeprefix(CUSTOM_FIELDS))
    return attrgetter(SOURCES[row.source])


def certain_texts(row: Row, customer: Customer) -> list[str]:
    """All that the source of a row holds, at least one text, which is empty if the source surely is.

    Several custom fields may have the name that the row means. Raises SubscriptionValueInvalid if the source holds, or
    may hold, something that can't be read: nobody's consent is guessed from it.
    """
    if not row.source.startswith(CUSTOM_FIELDS):
        if SOURCES[row.source] in customer.odd:
            raise _not_text(row)
        return [reader(row)(customer) or ""]
    fields = _custom_fields(row.source.removeprefix(CUSTOM_FIELDS), customer)
    if any("value" in field.odd for field in fields):
        raise _not_text(row)
    texts = [field.value or "" for field in fields] or [""]
    # A field that can't be read may be the one that was looked for. It is harmless if that one was found and filled.
    if customer.hides_custom_fields and not any(text.strip() for text in texts):
        raise SubscriptionValueInvalid(f"{row.source} is not found or empty, and custom_fields can't all be read")
    return texts


def _not_text(row: Row) -> SubscriptionValueInvalid:
    return SubscriptionValueInvalid(f"{row.source} can't be read: it is a list, an object or spelt otherwise")


def _custom_field_reader(name: str) -> Read:
    def read(customer: Customer) -> str | None:
        fields = _custom_fields(name, customer)
        return fields[0].value if fields else None

    return read


def _custom_fields(name: str, customer: Customer) -> list[CustomField]:
    """The custom fields of this name: those of exactly this name first, then those whose name counts as the same."""
    wanted = folded(name)
    alike = [field for field in customer.custom_fields or () if folded(field.custom_field_name or "") == wanted]
    return sorted(alike, key=lambda field: field.custom_field_name != name)
