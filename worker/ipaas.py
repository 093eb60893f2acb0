"""The iPaaS.com API: the source of customers and the place of the links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from worker.customer import Customer, live_link
from worker.customer_list import CustomerList
from worker.effects import Effect
from worker.errors import (
    CREDENTIAL_STATUSES,
    AnswerUnreadable,
    CustomerNotFound,
    HostNotFound,
    IPaaSCredentialsRefused,
    IPaaSReadFailed,
    IPaaSUnreachable,
    LinkNotRecorded,
    SyncError,
)
from worker.masking import masked

if TYPE_CHECKING:
    from worker.http import Answer, Api, Gate

NOT_FOUND = 404
NO_CONTENT = 204
PAGINATION = "X-Pagination"


@dataclass(frozen=True, slots=True)
class IPaaS:
    """iPaaS.com as one job sees it; every call passes the gate."""

    api: Api
    system_id: int
    tracking_guid: str
    gate: Gate

    def customer(self, customer_id: str) -> Customer:
        """One customer, as it is now (contract: C). Raises CustomerNotFound and what any read raises."""
        answer = self._read("customers/v2/Customer/{id}", id=customer_id)
        if answer.status == NOT_FOUND:
            raise CustomerNotFound(http_status=NOT_FOUND)
        try:
            return Customer.model_validate(_checked(answer).body)
        except ValidationError:
            raise AnswerUnreadable("iPaaS.com's answer is not a customer", http_status=answer.status) from None

    def link(self, customer_id: str) -> str | None:
        """The Stamped.io customer id that is linked to a customer, or None (contract: C)."""
        route = "customers/v2/External/LookupExternal/{id}/{system_id}/customer"
        answer = self._read(route, id=customer_id, system_id=self.system_id)
        if answer.status == NOT_FOUND:
            return None
        return live_link(_external_id(_checked(answer)))

    def customers(self, page: int) -> CustomerList:
        """One page of all customers, from 1 on (contract: C the header, A that `pageNumber` is all it takes)."""
        return self._list("customers/v2/Customers", {"pageNumber": str(page)})

    def unlinked(self) -> CustomerList:
        """Every customer without a link for this system (contract: C the path, A the body)."""
        return self._list("customers/v2/External/Missing/{system_id}/customer", None)

    def record_link(self, customer_id: str, stamped_id: str) -> None:
        """Record the Stamped.io customer id as the customer's external id (contract: C). Raises LinkNotRecorded."""
        body = {
            "table_name": "customer",
            "system_id": self.system_id,
            "external_id": stamped_id,
            "internal_id": customer_id,
            "tracking_guid": self.tracking_guid,
        }
        self.gate.before_write()
        try:
            answer = self.api.call(
                "POST",
                "customers/v2/External/UpdateExternalId",
                query=self._tracking,
                body=body,
                effect=Effect.RECORD_LINK,
            )
        except (IPaaSUnreachable, HostNotFound, AnswerUnreadable) as error:
            raise LinkNotRecorded(error.failure.detail, http_status=error.failure.http_status) from None
        if not answer.is_ok:
            raise _error(LinkNotRecorded, answer)

    def subscription_name(self) -> str:
        """The name of the iPaaS.com subscription that this connection belongs to: a cheap proof of the token."""
        answer = _checked(self._read("subscriptions/v2/Subscription/{id}", id=self.system_id))
        return str(answer.body.get("name") or "") if isinstance(answer.body, dict) else ""

    def _list(self, route: str, query: dict[str, str] | None) -> CustomerList:
        """A list belongs to no transfer, so it takes no tracking guid."""
        self.gate.before_read()
        answer = _checked(self.api.call("GET", route, {"system_id": self.system_id}, query=query))
        body = [] if answer.status == NO_CONTENT else answer.body
        return CustomerList.read(body, answer.headers.get(PAGINATION), self.system_id)

    @property
    def _tracking(self) -> dict[str, str]:
        return {"trackingGuid": self.tracking_guid}

    def _read(self, route: str, **values: object) -> Answer:
        self.gate.before_read()
        return self.api.call("GET", route, values, query=self._tracking)


def _external_id(answer: Answer) -> str | None:
    """The body is a JSON-quoted text; one quoted twice, or not at all, is read as well."""
    body = answer.body
    if body is None:
        return None
    if isinstance(body, str):
        return body.strip('"')
    if isinstance(body, int) and not isinstance(body, bool):
        return str(body)
    raise AnswerUnreadable("iPaaS.com's answer is not an external id", http_status=answer.status)


def _checked(answer: Answer) -> Answer:
    if answer.status in CREDENTIAL_STATUSES:
        raise _error(IPaaSCredentialsRefused, answer)
    if not answer.is_ok:
        raise _error(IPaaSReadFailed, answer)
    return answer


def _error(kind: type[SyncError], answer: Answer) -> SyncError:
    return kind(masked(answer.message), http_status=answer.status, retry_after=answer.retry_after)
