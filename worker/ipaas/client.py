"""The iPaaS.com API, from which customers are read and in which links are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from worker.effects import Effect
from worker.http.api_errors import IPAAS, error_of
from worker.http.body import header, text_of
from worker.http.client import ApiCaller
from worker.ipaas.customer import Customer, is_spelt_otherwise
from worker.ipaas.customer_list import CustomerList, Matches
from worker.ipaas.subscription import ROUTE, Subscription, is_about, name_in, settings_in, without_words
from worker.jobs.errors import CustomerNotFound, IPaaSReadFailed, LinkNotRecorded, SyncError
from worker.jobs.intents import Intent
from worker.jobs.job import CUSTOMER_ID, STAMPED_ID, live_link

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.http.answers import Answer

PAGINATION: Final = "X-Pagination"
CUSTOMERS: Final = "customers/v2/Customers"
LONGEST_LIST_BYTES: Final = 64 * 1024 * 1024
"""The longest list: one answer may hold all customers without a link. Other answers are much shorter."""
NO_CUSTOMER: Final = "iPaaS.com's answer is not a customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class IPaaS(ApiCaller):
    """iPaaS.com as one job sees it."""

    errors = IPAAS
    read_failed = IPaaSReadFailed

    system_id: int
    tracking_guid: str
    is_triggered: bool = False
    """Whether a trigger named the customer, or it was transferred a moment ago: iPaaS.com may not show it yet."""

    def customer(self, customer_id: str) -> Customer:
        """One customer, as it is now (contract: C). Raises CustomerNotFound, and what any read raises."""
        answer = self.read("customers/v2/Customer/{id}", self._tracking, id=customer_id)
        if answer.intent is not Intent.ACCEPTED:
            raise self._not_read(answer)
        customer = self._customer_in(answer, customer_id)
        own = customer.first_name, customer.last_name, customer.email_address, customer.comment, customer.company
        self.personal.update(filter(None, own))
        return customer

    def link(self, customer_id: str, customer: Customer | None = None) -> str | None:
        """The Stamped.io customer id that is linked to a customer, or None (contract: C).

        If the customer's record is given and shows a link, that is the one; otherwise it is looked up.
        """
        # A record without the link proves nothing: it may leave out its external ids. Without the look-up the customer
        # would be created instead of updated.
        shown = shown_link(customer, self.system_id) if customer else None
        return shown or self._looked_up(customer_id)

    def linked_customer(self, stamped_id: str) -> str | None:
        """The iPaaS.com customer id that a Stamped.io customer is linked to (contract: LookupSpaceport, C).

        If there are several, it is the one that was linked first, which is assumed. Also None if the read fails: the
        answer only serves a warning, and must not stop a transfer.
        """
        route = "customers/v2/External/LookupSpaceport/{system_id}/customer/{external_id}"
        answer = self.read(route, self._tracking, system_id=self.system_id, external_id=stamped_id)
        linked = (text_of(answer.body) or "").strip('" ') if answer.is_accepted else ""
        return linked if CUSTOMER_ID.fullmatch(linked) else None

    def customers(self, page: int) -> CustomerList:
        """One page of all customers, counted from 1 (contract: C the header, A that `pageNumber` is all it takes)."""
        return self._list(CUSTOMERS, {"pageNumber": str(page)})

    def unlinked(self, page: int = 1) -> CustomerList:
        """One page, counted from 1, of the customers without a link for this system; all of them if it has no pages.

        Contract: C the path, A the body, and A that it takes `pageNumber` if the answers have `X-Pagination`.
        """
        query = {"pageNumber": str(page)} if page > 1 else None
        return self._list("customers/v2/External/Missing/{system_id}/customer", query)

    def customers_with(self, email: str) -> Matches:
        """The customers that iPaaS.com finds by an e-mail address (contract: C the query, A the answer to "none").

        The address is in the query alone, which nobody logs, and it is masked in what iPaaS.com says. What the answer
        shows may still be about somebody else: whoever asks compares. Raises what reading a list raises.
        """
        self.personal.add(email)
        self.gate.before_read()
        answer = self.api.call("GET", CUSTOMERS, query={"action": "equals", "EmailAddress": email})
        # Nobody is an empty list or, in iPaaS.com's own words, "not found". Without its code, the API itself is away.
        if answer.has_no_content or (answer.is_missing and answer.code):
            return Matches(())
        answer = self.checked(answer.of_no_record)
        return Matches.read(answer.body, header(answer.headers, PAGINATION) or None)

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
        route = "customers/v2/External/UpdateExternalId"
        answer = self.api.call("POST", route, query=self._tracking, body=body, effect=Effect.RECORD_LINK).of_no_record
        if answer.is_accepted and not _repeats(answer.body, body):
            answer = answer.unreadable("the answer is about another link")
        # Always this error, even for refused credentials: the customer is in Stamped.io by now, and only this error's
        # text says so.
        if not answer.is_accepted:
            raise error_of(LinkNotRecorded, answer, self.personal)

    def subscription_name(self) -> str:
        """The name of the connection's iPaaS.com subscription: a cheap way to prove the token."""
        return name_in(self._subscription().body)

    def subscription(self, wanted: Collection[str]) -> Subscription:
        """What the subscription's settings say of the `wanted` values (contract: C).

        Raises SubscriptionIncomplete, and what any read raises.
        """
        answer = self._subscription()
        settings = settings_in(answer.body)
        if settings is None:
            raise self.unreadable(answer, "iPaaS.com's answer shows no settings of the subscription")
        return Subscription.read(settings, wanted)

    def _subscription(self) -> Answer:
        """The answer that is this subscription. It holds secrets: nothing of it may be shown."""
        answer = self.checked(without_words(self.read(ROUTE, self._tracking, id=self.system_id)))
        if not is_about(answer, self.system_id):
            raise self.unreadable(answer, "iPaaS.com's answer is not this subscription")
        return answer

    def mapping_collection(self, collection_id: str) -> dict[str, Any] | None:
        """A mapping collection as iPaaS.com answers it, or None if there is none with this id (contract: C the path).

        What it holds is assumed: `worker.mapping.collection` has its names.
        """
        answer = self.read("subscriptions/v2/MappingCollection/{id}", self._tracking, id=collection_id)
        if answer.is_missing:
            return None
        body = self.checked(answer).body
        if not isinstance(body, dict) or not body:
            raise self.unreadable(answer, "iPaaS.com's answer is not a mapping collection")
        # The id may be a UUID, whose letters are written in either case.
        if body.get("id") is not None and (text_of(body["id"]) or "").casefold() != collection_id.casefold():
            raise self.unreadable(answer, "iPaaS.com's answer is another mapping collection")
        return body

    def _list(self, route: str, query: dict[str, str] | None) -> CustomerList:
        """Read a list. It belongs to no transfer, so the call has no tracking guid."""
        self.gate.before_read()
        values = {"system_id": self.system_id}
        answer = self.api.call("GET", route, values, query=query, longest_bytes=LONGEST_LIST_BYTES)
        answer = self.checked(answer.of_no_record)
        body = [] if answer.has_no_content else answer.body
        return CustomerList.read(body, header(answer.headers, PAGINATION) or None, self.system_id)

    @property
    def _tracking(self) -> dict[str, str]:
        return {"trackingGuid": self.tracking_guid}

    def _not_read(self, answer: Answer) -> SyncError:
        """The error of a customer that could not be read. Raises what reading a list raises."""
        if not answer.is_missing:
            return self.errors.of_read(answer, IPaaSReadFailed, self.personal)
        # A 404 without a code may come from a gateway while the API is down. A list that can be read rules that out;
        # otherwise the list's own error is raised here, and no customer fails for the outage.
        if not answer.code:
            self.customers(1)
        intent = Intent.NOT_YET if self.is_triggered else Intent.CUSTOMERS
        return CustomerNotFound(http_status=answer.status, intent=intent)

    def _customer_in(self, answer: Answer, customer_id: str) -> Customer:
        """The customer of an accepted answer, if it is the one that was asked for. Raises AnswerUnreadable.

        Any field may be missing, even the id (contract: C), but at least one must be there.
        """
        try:
            customer = Customer.model_validate(answer.body)
        except ValidationError:
            customer = self._reread(answer)
        else:
            customer = self._reread(answer) if is_spelt_otherwise(answer.body) else customer
        if not customer.model_fields_set:
            raise self.unreadable(answer, NO_CUSTOMER)
        if answer.body.get("id") not in (None, "") and (customer.id or "").strip() != customer_id:
            raise self.unreadable(answer, "iPaaS.com's answer is another customer")
        return customer

    def _reread(self, answer: Answer) -> Customer:
        """A customer with fields that are spelt otherwise, or neither texts nor numbers. Raises AnswerUnreadable."""
        try:
            return Customer.read(answer.body)
        except ValidationError:
            raise self.unreadable(answer, NO_CUSTOMER) from None

    def _looked_up(self, customer_id: str) -> str | None:
        """The link by a look-up, whose answer is a JSON-quoted text.

        A number, or a text quoted twice or not at all, is read as well. Anything else comes from a gateway or proxy on
        the way. Raises AnswerUnreadable for it.
        """
        route = "customers/v2/External/LookupExternal/{id}/{system_id}/customer"
        answer = self.read(route, self._tracking, takes_text=True, id=customer_id, system_id=self.system_id)
        if answer.is_missing:
            return None
        text = "" if self.checked(answer).body is None else text_of(answer.body)
        link = live_link(text and text.strip(' "'))
        if text is None or (link and not STAMPED_ID.fullmatch(link)):
            raise self.unreadable(answer, "iPaaS.com's answer is not an external id")
        return link


def shown_link(customer: Customer, system_id: int) -> str | None:
    """The Stamped.io customer id that the customer's record shows for this system, if it shows one."""
    ours = (each.external_id for each in customer.external_ids or () if each.system_id == str(system_id))
    return next(filter(None, map(live_link, ours)), None)


def _repeats(answered: Any, sent: dict[str, Any]) -> bool:
    """Whether the link's fields that the answer shows are those that were sent."""
    if not isinstance(answered, dict):
        return True
    shown = {name: answered[name] for name in ("system_id", "external_id", "internal_id") if answered.get(name)}
    return all((text_of(value) or "").strip() == str(sent[name]) for name, value in shown.items())
