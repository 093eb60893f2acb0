"""The Stamped.io API: the destination of customers and their subscription state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.effects import Effect
from worker.errors import (
    CREDENTIAL_STATUSES,
    CustomerWriteFailed,
    StampedCredentialsRefused,
    StampedCustomerGone,
    StampedIdUnknown,
    StampedReadFailed,
    SubscriptionFailed,
    SyncError,
)
from worker.masking import masked
from worker.stamped_answers import ID, StampedCustomer, customer_in, customers_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.http import Answer, Api, Gate

NOT_FOUND = 404
CUSTOMER = "dashboard/customers/{id}"
CUSTOMERS = "dashboard/customers"
CREATE = "dashboard/customers/add"


@dataclass(frozen=True, slots=True)
class Stamped:
    """Stamped.io as one job sees it; every call passes the gate."""

    api: Api
    gate: Gate

    def create(self, payload: Mapping[str, str]) -> StampedCustomer:
        """Create a customer, or update the one that has this e-mail (contract: C). The answer always has an id.

        Raises CustomerWriteFailed, and StampedIdUnknown where neither the answer nor a search settles the id.
        """
        answer = self._write(CREATE, payload, Effect.CREATE_CUSTOMER)
        if not answer.is_ok:
            raise _error(CustomerWriteFailed, answer, payload.values())
        created = customer_in(answer.body)
        return created if created.id else self._only(payload["email"])

    def update(self, stamped_id: str, payload: Mapping[str, str]) -> StampedCustomer:
        """Update one customer (contract: a POST, C). Raises StampedCustomerGone on 404, else CustomerWriteFailed."""
        if not ID.fullmatch(stamped_id):
            raise StampedCustomerGone
        answer = self._write(CUSTOMER, payload, Effect.UPDATE_CUSTOMER, id=stamped_id)
        if answer.status == NOT_FOUND:
            raise StampedCustomerGone(http_status=NOT_FOUND)
        if not answer.is_ok:
            raise _error(CustomerWriteFailed, answer, payload.values())
        return customer_in(answer.body)

    def customer(self, stamped_id: str) -> StampedCustomer:
        """One customer (contract: C). Raises StampedCustomerGone on 404 and what any read raises."""
        if not ID.fullmatch(stamped_id):
            raise StampedCustomerGone
        answer = self._read(CUSTOMER, id=stamped_id)
        if answer.status == NOT_FOUND:
            raise StampedCustomerGone(http_status=NOT_FOUND)
        return customer_in(_checked(answer).body)

    def customers_with(self, email: str) -> list[StampedCustomer]:
        """The customers with exactly this e-mail, upper and lower case alike (contract: `search` and `page`, A)."""
        answer = self._read(CUSTOMERS, {"search": email, "page": "1"})
        wanted = email.casefold()
        return [found for found in customers_in(_checked(answer).body) if (found.email or "").casefold() == wanted]

    def subscribe(self, email: str) -> None:
        """Subscribe by e-mail (contract: path C, body A). Raises SubscriptionFailed."""
        self._set_subscription("survey/subscribe", email, Effect.SUBSCRIBE)

    def unsubscribe(self, email: str) -> None:
        """Unsubscribe by e-mail (contract: path C, body A). Raises SubscriptionFailed."""
        self._set_subscription("survey/unsubscribe", email, Effect.UNSUBSCRIBE)

    def prove(self) -> None:
        """Make a cheap read that needs the credentials and the store hash. Raises what any read raises."""
        _checked(self._read(CUSTOMERS, {"page": "1"}))

    def _only(self, email: str) -> StampedCustomer:
        found = [customer for customer in self.customers_with(email) if customer.id]
        if len(found) != 1:
            raise StampedIdUnknown(f"{len(found)} customers have the email")
        return found[0]

    def _set_subscription(self, route: str, email: str, effect: Effect) -> None:
        answer = self._write(route, {"email": email}, effect)
        if not answer.is_ok:
            raise _error(SubscriptionFailed, answer, [email])

    def _write(self, route: str, body: Mapping[str, str], effect: Effect, **values: str) -> Answer:
        self.gate.before_write()
        return self.api.call("POST", route, values, body=dict(body), effect=effect)

    def _read(self, route: str, query: Mapping[str, str] | None = None, **values: str) -> Answer:
        self.gate.before_read()
        return self.api.call("GET", route, values, query=query)


def _checked(answer: Answer) -> Answer:
    if answer.status in CREDENTIAL_STATUSES:
        raise _error(StampedCredentialsRefused, answer)
    if not answer.is_ok:
        raise _error(StampedReadFailed, answer)
    return answer


def _error(kind: type[SyncError], answer: Answer, values: Iterable[str] = ()) -> SyncError:
    return kind(masked(answer.message, values), http_status=answer.status, retry_after=answer.retry_after)
