"""A customer of iPaaS.com, as its API answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

from worker.http.body import text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

LISTS: Final = frozenset({"custom_fields", "external_ids"})

Text = str | None
"""A text that the API may give as a number, as null or not at all."""


class Lenient(BaseModel):
    """A record whose unknown fields are ignored, and whose values never show in an error's text."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, coerce_numbers_to_str=True)

    _odd: frozenset[str] = PrivateAttr(frozenset())

    @property
    def odd(self) -> frozenset[str]:
        """The names of the fields that hold something that can't be read, and so are not empty."""
        return self._odd

    @classmethod
    def read(cls, shown: Any) -> Self:
        """The record in a value whose fields may hold anything. Raises ValidationError if the value is not an object.

        The API is not strict: a number is read as text, and anything that is not text as None.
        """
        record = cls.model_validate(_as_texts(shown))
        if isinstance(shown, dict):
            record._odd = frozenset(_odd(cls.model_fields, shown))  # noqa: SLF001 - its own class
        return record


class CustomField(Lenient):
    """One of a customer's custom fields."""

    custom_field_name: Text = None
    value: Text = None

    @property
    def is_unreadable(self) -> bool:
        """Whether it has no name by which it could be found, and holds something, or none of the fields known here."""
        is_named = bool((self.custom_field_name or "").strip())
        return not is_named and bool(self.odd or (self.value or "").strip() or not self.model_fields_set)


class ExternalId(Lenient):
    """One of a customer's external ids: the customer's id in another system."""

    system_id: Text = None
    external_id: Text = None


class Customer(Lenient):
    """One customer; any field may be null or missing (contract: Customer JSON, C)."""

    id: Text = None
    customer_number: Text = None
    first_name: Text = None
    last_name: Text = None
    email_address: Text = None
    company: Text = None
    comment: Text = None
    category_id: Text = None
    created_datetime: Text = None
    updated_datetime: Text = None
    custom_fields: list[CustomField] | None = None
    external_ids: list[ExternalId] | None = None

    @property
    def hides_custom_fields(self) -> bool:
        """Whether a custom field that is not found may be there all the same, among what can't be read."""
        return "custom_fields" in self.odd or any(field.is_unreadable for field in self.custom_fields or ())


FIELDS: Final = Customer.model_fields.keys() | CustomField.model_fields.keys() | {"id"}


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()


PLAIN: Final = frozenset(map(_plain, FIELDS))


def is_spelt_otherwise(shown: dict[str, Any]) -> bool:
    """Whether a name in an answer seems to mean a field of a customer or of its custom fields, and is not its name."""
    names = shown.keys() - FIELDS
    for entry in shown.get("custom_fields") or ():
        names |= entry.keys() - FIELDS
    return any(_plain(name) in PLAIN for name in names)


def _odd(known: Collection[str], shown: dict[str, Any]) -> Iterator[str]:
    """The fields that hold what can't be read, under their own name or under one that is spelt otherwise."""
    others = {_plain(name) for name, value in shown.items() if name not in known and value not in (None, "")}
    for name in known:
        value = shown.get(name)
        if _plain(name) in others if value is None else not _is_readable(name, value):
            yield name


def _is_readable(name: str, value: Any) -> bool:
    """Whether a value is a text, or for a list objects alone."""
    if name not in LISTS:
        return text_of(value) is not None
    return isinstance(value, list | tuple) and all(isinstance(entry, dict | Lenient) for entry in value)


def _as_texts(shown: Any) -> Any:
    if not isinstance(shown, dict):
        return shown
    texts = {name: text_of(value) for name, value in shown.items() if name not in LISTS}
    lists = {"custom_fields": CustomField, "external_ids": ExternalId}
    return texts | {name: _records(record, shown[name]) for name, record in lists.items() if name in shown}


def _records(record: type[Lenient], value: Any) -> list[Any] | None:
    if not isinstance(value, list | tuple):
        return None
    return [record.read(entry) for entry in value if isinstance(entry, dict | Lenient)]
