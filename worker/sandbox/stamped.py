"""The state of one Stamped.io store: its customers, unique by e-mail address.

Records are replaced and never changed in place, so that a record that was handed out stays as it was.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from worker.sandbox.messages import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.sandbox.messages import JsonObject

FIRST_ID = 143491
PAGE_SIZE = 50
WRITABLE_FIELDS = ("email", "customerEmail", "firstName", "lastName", "externalId", "notes")

SUBSCRIBED_AT_FIRST = True
"""Whether a new customer starts subscribed. Assumed: the contract does not say."""


class Store:
    """The customers of a store by their id, and by their e-mail address regardless of case and surrounding blanks."""

    def __init__(self) -> None:
        self.customers: dict[str, JsonObject] = {}
        self._id_by_email: dict[str, str] = {}
        self._ids = count(FIRST_ID)

    def add(self, fields: Mapping[str, Any], *, is_matched: bool = True) -> JsonObject:
        """Create a customer, or update the one that has the e-mail address. Raises Refused without an address.

        If it is not `is_matched`, a customer is created even if another one has the address.
        """
        email = _matched_email(fields)
        known = self._id_by_email.get(email) if is_matched else None
        return self._write(self.customers[known] if known else self._new(), fields)

    def update(self, customer_id: str, fields: Mapping[str, Any]) -> JsonObject:
        """Change the fields that were sent, and no others.

        Raises KeyError for an unknown customer, and Refused for an empty address or one that another customer has
        (assumed: the specification says that an address is unique; the contract does not say what an update answers).
        """
        customer = self.customers[customer_id]
        if "email" in fields and self._id_by_email.get(_matched_email(fields), customer_id) != customer_id:
            raise Refused(422, "Another customer has this email.")
        return self._write(customer, fields)

    def by_email(self, email: str) -> JsonObject | None:
        """The customer who has this address."""
        customer_id = self._id_by_email.get(_matchable(email))
        return self.customers[customer_id] if customer_id else None

    def subscribe(self, email: str, *, is_subscribed: bool) -> JsonObject:
        """Set the subscription by e-mail address. Raises KeyError if nobody has the address."""
        customer = self.customers[self._id_by_email[_matchable(email)]]
        return self._keep({**customer, "isSubscribed": is_subscribed})

    def search(self, text: str) -> list[JsonObject]:
        """The customers whose address contains the text, whatever its case (assumed)."""
        sought = _matchable(text)
        return [customer for customer in self.customers.values() if sought in _matchable(customer["email"])]

    def remove(self, customer_id: str) -> None:
        """Remove a customer, as a person can in Stamped.io. Raises KeyError if there is no such customer."""
        customer = self.customers.pop(customer_id)
        self._id_by_email.pop(_matchable(customer["email"]), None)

    def _new(self) -> JsonObject:
        empty: JsonObject = dict.fromkeys(WRITABLE_FIELDS)
        return {"id": next(self._ids), **empty, "isSubscribed": SUBSCRIBED_AT_FIRST, "dateCreated": _now()}

    def _write(self, customer: JsonObject, fields: Mapping[str, Any]) -> JsonObject:
        if customer["email"] is not None:
            self._id_by_email.pop(_matchable(customer["email"]), None)
        return self._keep({**customer, **{name: fields[name] for name in WRITABLE_FIELDS if name in fields}})

    def _keep(self, customer: JsonObject) -> JsonObject:
        customer_id = str(customer["id"])
        self._id_by_email[_matchable(customer["email"])] = customer_id
        self.customers[customer_id] = {**customer, "dateUpdated": _now()}
        return self.customers[customer_id]


def _matched_email(fields: Mapping[str, Any]) -> str:
    email = fields.get("email")
    if not isinstance(email, str) or not email.strip():
        raise Refused(422, "The email field is required.")
    return _matchable(email)


def _matchable(email: str) -> str:
    return email.strip().lower()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
