"""Reads Stamped.io's answers, whose shapes are not all known (contract: "Read answers leniently", A)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

from worker.http.body import ENVELOPES, ENVELOPES_DEPTH, LISTS, number_text, text_of
from worker.jobs.job import CUSTOMER_ID, STAMPED_ID, plain_text
from worker.stamped.email_address import is_same_mailbox

if TYPE_CHECKING:
    from collections.abc import Mapping

IDS = ("id", "customerId")
"""The names of a customer's id."""
TYPE_OF_CUSTOMERS = "customer"
"""If an object has a `type`, a customer's contains this. A background job has an id too, but another type."""
NO_CUSTOMERS = re.compile(r"(?:job|task|batch|import|queued?)(?:$|[A-Z_])")
"""Names of fields that background jobs have and customers do not."""
TOTAL_PAGES = "totalPages"
"""The field with a list's number of pages, as in the API's other lists. Assumed: correct it here."""
STATE = "isSubscribed"
"""The field that says whether a customer is subscribed (contract: Customer object, C)."""
PERSONAL = ("email", "customerEmail", "firstName", "lastName", "notes")
"""The fields of a customer's record that show who it is (contract: Customer object, C)."""


@dataclass(frozen=True, slots=True)
class StampedCustomer:
    """What an answer says about a customer; None if it does not say that."""

    id: str | None = None
    email: str | None = None
    is_subscribed: bool | None = None
    record: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Everything that the answer shows about it, by Stamped.io's names."""

    def is_known_as(self, email: str) -> bool:
        """Whether it can be the customer with this e-mail address who was just written.

        If the answer shows this address beside the id, any id is accepted. Without an address, the id must be a number,
        as customers' ids are: it could be a background job's.
        """
        if self.email:
            return bool(self.id) and is_same_mailbox(self.email, email)
        return bool(self.id and CUSTOMER_ID.fullmatch(self.id))

    @property
    def shows_an_id(self) -> bool:
        """Whether it shows an id, even one that cannot be used."""
        return any(self.record.get(name) not in (None, "") for name in IDS)

    def shows(self, payload: Mapping[str, str]) -> bool:
        """Whether it shows the values that were written, in those of their fields that it has."""
        return all(_is_same(name, self.record[name], sent) for name, sent in payload.items() if name in self.record)

    @property
    def personal(self) -> list[str]:
        """The values that show who it is."""
        return [value for name in PERSONAL if isinstance(value := self.record.get(name), str)]


def customer_in(body: Any) -> StampedCustomer:
    """The customer in an answer: flat, or under `customer`, `result` or `data`.

    An id beside an e-mail address is a customer's, but an id alone may belong to the envelope.
    """
    if not isinstance(body, dict):
        return StampedCustomer()
    stamped_id, email = _identity(body)
    for _ in range(ENVELOPES_DEPTH):
        inner = next((body[name] for name in ENVELOPES if isinstance(body.get(name), dict)), None)
        if (email and stamped_id) or inner is None:
            break
        body = inner
        stamped_id, email = _identity(body)
    if not (email and stamped_id) and _is_something_else(body):
        return StampedCustomer()
    state = body.get(STATE)
    return StampedCustomer(stamped_id, email, state if isinstance(state, bool) else None, record=body)


def customers_in(body: Any) -> list[StampedCustomer]:
    """The customers in an answer: under `results[].customer` or `customers[]`, or a bare list."""
    return [customer_in(item) for item in items_in(body) or ()]


def items_in(body: Any) -> list[Any] | None:
    """The items of a list, which may be wrapped in envelopes; None if the answer is not a list."""
    for _ in range(ENVELOPES_DEPTH):
        if not isinstance(body, dict):
            break
        lists = (body[name] for name in LISTS if isinstance(body.get(name), list))
        inner = (body[name] for name in ENVELOPES if isinstance(body.get(name), dict))
        body = next(chain(lists, inner), None)
    return body if isinstance(body, list) else None


def pages_in(body: Any) -> int | None:
    """How many pages a list says it has; None if it does not say."""
    pages = body.get(TOTAL_PAGES) if isinstance(body, dict) else None
    return pages if isinstance(pages, int) and not isinstance(pages, bool) else None


def _identity(body: dict[str, Any]) -> tuple[str | None, str | None]:
    """The id and the e-mail address in an object, without its envelopes."""
    stamped_id = next(filter(None, map(_id, map(body.get, IDS))), None)
    return stamped_id, _text(body.get("email")) or _text(body.get("customerEmail"))


def _is_something_else(body: dict[str, Any]) -> bool:
    """Whether an object is a background job, an import or a message, by its own fields."""
    kind = body.get("type")
    is_other_kind = isinstance(kind, str) and TYPE_OF_CUSTOMERS not in kind.lower()
    return is_other_kind or any(map(NO_CUSTOMERS.match, body))


def _id(value: Any) -> str | None:
    text = plain_text(number_text(value) if isinstance(value, Decimal) else value)
    return text if STAMPED_ID.fullmatch(text) else None


def _is_same(name: str, shown: Any, sent: str) -> bool:
    """Whether a field shows what was sent. Stamped.io may change an address's case, or answer a text as a number."""
    text = text_of(shown) or ""
    return is_same_mailbox(text, sent) if name == "email" else text.strip() == sent.strip()


def _text(value: Any) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None
