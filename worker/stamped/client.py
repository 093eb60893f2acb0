"""The Stamped.io API, to which customers and their subscription states are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.effects import Effect
from worker.http.api_errors import STAMPED
from worker.http.client import ApiCaller
from worker.jobs.errors import (
    CustomerWriteFailed,
    StampedCustomerGone,
    StampedIdUnknown,
    StampedReadFailed,
    SubscriptionFailed,
    SyncError,
)
from worker.jobs.intents import Intent
from worker.jobs.job import STAMPED_ID
from worker.stamped.answers import StampedCustomer, customer_in, customers_in, items_in, pages_in
from worker.stamped.email_address import is_same_mailbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from worker.http.answers import Answer

CUSTOMER: Final = "dashboard/customers/{id}"
CUSTOMERS: Final = "dashboard/customers"
CREATE: Final = "dashboard/customers/add"
SEARCH: Final = "search"
PAGE: Final = "page"
"""The parameters that search a list and choose its page. Assumed: correct them here."""
SURVEY_EMAIL: Final = "email"
"""The field of a survey call's body that holds the address. Assumed: correct it here."""
MOST_PAGES: Final = 20
"""How many pages of a search are read at most. No real address has that many customers."""
ANOTHER: Final = "the answer is about another customer"


@dataclass(frozen=True, slots=True)
class Stamped(ApiCaller):
    """Stamped.io as one job sees it."""

    errors = STAMPED
    read_failed = StampedReadFailed

    is_fresh: bool = False
    """Whether a transfer wrote this customer a moment ago: Stamped.io may not show it yet."""

    def create(self, payload: Mapping[str, str], taken: Callable[[], None] = lambda: None) -> StampedCustomer:
        """Create a customer, or update the one that has this e-mail (contract: C). The customer returned has an id.

        `taken` is called once Stamped.io has accepted the call, even if its answer then lacks the id.
        Raises CustomerWriteFailed, and StampedIdUnknown if neither the answer nor a search shows the id. Its intent is
        *not yet* if the search finds nobody, and *the customer's* if it finds several.
        """
        answer = self._write(CREATE, payload, Effect.CREATE_CUSTOMER).of_no_record
        if not answer.is_accepted and not answer.is_queued:
            raise self._refused(answer, CustomerWriteFailed)
        # Before the answer is read: the search for the id can fail. The next run would then find this customer, take it
        # for an old one, and never subscribe it.
        taken()
        created = customer_in(answer.body) if answer.is_accepted else StampedCustomer()
        return created if created.is_known_as(payload["email"]) else self._only(payload["email"])

    def update(self, stamped_id: str, payload: Mapping[str, str]) -> StampedCustomer:
        """Update one customer (contract: a POST, C). Raises StampedCustomerGone on 404, or CustomerWriteFailed."""
        if not STAMPED_ID.fullmatch(stamped_id):
            raise StampedCustomerGone
        answer = self._write(CUSTOMER, payload, Effect.UPDATE_CUSTOMER, id=stamped_id)
        if answer.intent is not Intent.ACCEPTED:
            return self._updated_later(stamped_id, payload, answer)
        written = self._asked_for(stamped_id, answer)
        if not written.id and written.email and not is_same_mailbox(written.email, payload["email"]):
            raise self.unreadable(answer, ANOTHER)
        return written

    def customer(self, stamped_id: str) -> StampedCustomer:
        """One customer (contract: C). Raises StampedCustomerGone on 404, and what any read raises.

        A customer that was written a moment ago may not be readable yet; the error's intent is then *not yet*.
        """
        if not STAMPED_ID.fullmatch(stamped_id):
            raise StampedCustomerGone(intent=Intent.CUSTOMERS)
        answer = self.read(CUSTOMER, id=stamped_id)
        if answer.is_missing:
            # Prove the store before believing the 404: with a wrong store hash every customer would seem gone.
            self.prove()
            intent = Intent.NOT_YET if self.is_fresh else Intent.CUSTOMERS
            raise StampedCustomerGone(http_status=answer.status, intent=intent)
        customer = self._asked_for(stamped_id, self.checked(answer))
        if customer.id is None:
            raise self.unreadable(answer, "the answer is not a customer")
        return customer

    def customers_with(self, email: str) -> list[StampedCustomer]:
        """The customers with exactly this e-mail, compared as mailboxes (contract: `search` and `page`, A).

        It reads up to `MOST_PAGES` pages, as a search can show other customers first. Raises what any read raises.
        """
        self.personal.add(email)
        found = {each.id: each for fresh, _ in self._pages(email) for each in fresh if _has(each, email)}
        return list(found.values())

    def has_nobody(self, email: str) -> bool:
        """Whether it is certain that nobody has exactly this e-mail. It stops reading at the first customer who has.

        False also if `MOST_PAGES` pages were not all: the next one might show somebody. Raises what any read raises.
        """
        self.personal.add(email)
        for fresh, is_last in self._pages(email):
            if is_last or any(_has(each, email) for each in fresh):
                return not any(_has(each, email) for each in fresh)
        return False

    def subscribe(self, email: str) -> None:
        """Subscribe by e-mail (contract: path C, body A). Raises SubscriptionFailed."""
        self._set_subscription("survey/subscribe", email, Effect.SUBSCRIBE)

    def unsubscribe(self, email: str) -> None:
        """Unsubscribe by e-mail (contract: path C, body A). Raises SubscriptionFailed."""
        self._set_subscription("survey/unsubscribe", email, Effect.UNSUBSCRIBE)

    def prove(self) -> None:
        """Prove the credentials and the store hash by a cheap read. Raises what any read raises."""
        self._list({PAGE: "1"})

    def _only(self, email: str) -> StampedCustomer:
        found = [customer for customer in self.customers_with(email) if customer.id]
        if len(found) != 1:
            intent = Intent.CUSTOMERS if found else Intent.NOT_YET
            raise StampedIdUnknown(f"{len(found)} customers have the email", intent=intent)
        return found[0]

    def _pages(self, email: str) -> Iterator[tuple[list[StampedCustomer], bool]]:
        """The new customers of each page of a search, and whether it surely is the last; ends at a page with none."""
        known: set[StampedCustomer] = set()
        for page in range(1, MOST_PAGES + 1):
            body = self._list({SEARCH: email, PAGE: str(page)})
            shown, pages = customers_in(body), pages_in(body)
            fresh = [customer for customer in dict.fromkeys(shown) if customer not in known]
            is_list = items_in(body) is not None
            is_last = is_list and (page == pages or (not shown and page >= (pages or 0)))
            yield fresh, is_last
            known.update(fresh)
            if is_last or not fresh:
                return

    def _list(self, query: Mapping[str, str]) -> Any:
        answer = self.checked(self.read(CUSTOMERS, query).of_no_record)
        if items_in(answer.body) is None and not answer.has_no_content:
            raise self.unreadable(answer, "the answer is not a list of customers")
        return answer.body

    def _set_subscription(self, route: str, email: str, effect: Effect) -> None:
        answer = self._write(route, {SURVEY_EMAIL: email}, effect).of_no_record
        if not answer.is_accepted:
            raise self._refused(answer, SubscriptionFailed)

    def _updated_later(self, stamped_id: str, payload: Mapping[str, str], answer: Answer) -> StampedCustomer:
        """The customer of an update that was accepted for later, if it shows by now. Raises what `update` raises."""
        if answer.is_missing:
            raise StampedCustomerGone(http_status=answer.status)
        if answer.is_queued and (shown := self.customer(stamped_id)).shows(payload):
            return shown
        raise self._refused(answer, CustomerWriteFailed)

    def _write(self, route: str, body: Mapping[str, str], effect: Effect, **values: str) -> Answer:
        self.personal.update(body.values())
        self.gate.before_write()
        return self.api.call("POST", route, values, body=dict(body), effect=effect)

    def _asked_for(self, stamped_id: str, answer: Answer) -> StampedCustomer:
        """The customer of an accepted answer. Raises AnswerUnreadable if it is another one."""
        customer = customer_in(answer.body)
        shown = (customer, *map(customer_in, items_in(answer.body) or ()))
        if any(each.id != stamped_id and each.shows_an_id for each in shown):
            raise self.unreadable(answer, ANOTHER)
        self.personal.update(customer.personal)
        return customer

    def _refused(self, answer: Answer, kind: type[SyncError]) -> SyncError:
        return self.errors.of_write(answer, kind, self.personal)


def _has(customer: StampedCustomer, email: str) -> bool:
    return bool(customer.email) and is_same_mailbox(customer.email or "", email)
