"""The calls of Stamped.io's API, for one store."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from worker.sandbox.deviations import under_other_names, with_masked_email, without_email
from worker.sandbox.messages import Answer, JsonObject, Refused, Request, page_of
from worker.sandbox.stamped import PAGE_SIZE, WRITABLE_FIELDS, Store

if TYPE_CHECKING:
    from worker.sandbox.deviations import Deviation


class StampedApi:
    """Answers Stamped.io's calls from a store's state."""

    def __init__(self, store: Store, store_hash: str, public_key: str, private_key: str) -> None:
        self._store = store
        self._store_hash = store_hash
        self.take_keys(public_key, private_key)
        self.deviations: frozenset[Deviation] = frozenset()
        """What it does differently from what we assume."""

    def take_keys(self, public_key: str, private_key: str) -> None:
        """Take these keys, and no others."""
        self._authorization = f"Basic {b64encode(f'{public_key}:{private_key}'.encode()).decode()}"

    def answer(self, request: Request) -> Answer:
        """Do what the call asks for if the keys and the store hash are right. Raises Refused."""
        if request.authorization != self._authorization:
            raise Refused(401, "The public or the private key is not valid.")
        match request.segments:
            case ["api", "v2", self._store_hash, *call]:
                return self._answer_of_store(request, call)
            case ["api", "v2", _, *_]:
                raise Refused(404, "There is no such store.")
        raise _no_resource()

    def _answer_of_store(self, request: Request, call: list[str]) -> Answer:
        match request.method, call:
            case "POST", ["dashboard", "customers", "add"]:
                return self._add(request)
            case "POST", ["dashboard", "customers", customer_id]:
                return self._update(customer_id, request)
            case "GET", ["dashboard", "customers", customer_id]:
                return self._customer(customer_id)
            case "GET", ["dashboard", "customers"]:
                return self._search(request)
            case "POST", ["survey", ("subscribe" | "unsubscribe") as action]:
                return self._subscribe(request, is_subscribed=action == "subscribe")
        raise _no_resource()

    def _add(self, request: Request) -> Answer:
        fields = self._fields(request)
        known = self._store.by_email(str(fields.get("email")))
        if known and "duplicate-refused" in self.deviations:
            raise Refused(409, "Another customer has this email.")
        if known and "duplicate-unchanged" in self.deviations:
            return _found(known)
        customer = self._store.add(fields, is_matched="duplicate-made" not in self.deviations)
        if "unsubscribed-at-first" in self.deviations and not known:
            customer = self._store.subscribe(customer["email"], is_subscribed=False)
        return _found(customer)

    def _update(self, customer_id: str, request: Request) -> Answer:
        fields = self._fields(request)
        if customer_id not in self._store.customers or "update-ignored" in self.deviations:
            return self._customer(customer_id)
        if "whole-update" in self.deviations:
            fields = {**dict.fromkeys(WRITABLE_FIELDS), **fields}
        return _found(self._store.update(customer_id, fields))

    def _fields(self, request: Request) -> JsonObject:
        body = request.json_object()
        return under_other_names(body) if "other-names" in self.deviations else body

    def _customer(self, customer_id: str) -> Answer:
        if customer_id not in self._store.customers:
            raise Refused(404, "There is no such customer.")
        return _found(self._store.customers[customer_id])

    def _search(self, request: Request) -> Answer:
        page, place = self._page(request)
        text = "" if "search-ignored" in self.deviations else request.query.get("search", "")
        found, pages = page_of(self._store.search(text), place, PAGE_SIZE)
        if text and "search-by-name" in self.deviations:
            found = []
        if text and not found and "nobody-is-missing" in self.deviations:
            raise Refused(404, "Nobody is found.")
        results = [{"customer": self._listed(customer)} for customer in found]
        return Answer({"results": results, "page": page, "totalPages": pages})

    def _page(self, request: Request) -> tuple[int, int]:
        """The page that is asked for, and its place counted from 1."""
        first = 0 if "page-from-zero" in self.deviations else 1
        page = request.page("page", first)
        if page is None and "page-zero-fails" in self.deviations:
            raise Refused(500, "An error has occurred.")
        if page is None:
            raise Refused(400, f"page must be a number from {first} on.")
        return page, 1 if "page-ignored" in self.deviations else page + 1 - first

    def _listed(self, customer: JsonObject) -> JsonObject:
        """A customer as a list shows it."""
        if "list-without-emails" in self.deviations:
            return without_email(customer)
        return with_masked_email(customer) if "list-masks-emails" in self.deviations else customer

    def _subscribe(self, request: Request, *, is_subscribed: bool) -> Answer:
        name = "customerEmail" if "survey-by-customer-email" in self.deviations else "email"
        email = request.json_object().get(name)
        if not isinstance(email, str) or not email.strip():
            raise Refused(400, f"The {name} field is required.")
        customer = self._store.by_email(email)
        if customer is None:
            # It repeats the address on purpose: whoever shows an API's message must mask it first.
            raise Refused(404, f"There is no customer with the email {email}.")
        if "survey-ignored" in self.deviations:
            return _found(customer)
        return _found(self._store.subscribe(email, is_subscribed=is_subscribed))


def _found(customer: JsonObject) -> Answer:
    return Answer(customer, customer_id=str(customer["id"]))


def _no_resource() -> Refused:
    return Refused(404, "There is no such resource.")
