"""The calls of Stamped.io's API, for one store."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from worker.sandbox.deviations import under_other_names, with_masked_email, without_email
from worker.sandbox.messages import Answer, JsonObject, Request
from worker.sandbox.stamped import WRITABLE_FIELDS, Rejected, Store

if TYPE_CHECKING:
    from worker.sandbox.deviations import Deviation


class StampedApi:
    """Answers Stamped.io's calls from a store's state."""

    def __init__(self, store: Store, store_hash: str, public_key: str, private_key: str) -> None:
        self._store = store
        self._store_hash = store_hash
        self._authorization = f"Basic {b64encode(f'{public_key}:{private_key}'.encode()).decode()}"
        self.deviations: frozenset[Deviation] = frozenset()
        """What it does otherwise than is assumed."""

    def answer(self, request: Request) -> Answer:
        """Do what the call asks for, where the keys and the store hash are right."""
        if request.authorization != self._authorization:
            return refusal(401, "The public or the private key is not valid.")
        match request.segments:
            case ["api", "v2", store_hash, *call] if store_hash == self._store_hash:
                return self._answer(request, call)
            case ["api", "v2", _, *_]:
                return refusal(404, "There is no such store.")
        return _no_resource()

    def _answer(self, request: Request, call: list[str]) -> Answer:
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
        return _no_resource()

    def _add(self, request: Request) -> Answer:
        fields = self._fields(request)
        if fields is None:
            return _not_json()
        known = self._store.by_email(str(fields.get("email")))
        if known and "duplicate-refused" in self.deviations:
            return refusal(409, "Another customer has this email.")
        if known and "duplicate-unchanged" in self.deviations:
            return _found(known)
        try:
            made = self._store.add(fields, is_matched="duplicate-made" not in self.deviations)
        except Rejected as reason:
            return refusal(422, str(reason))
        if "unsubscribed-at-first" in self.deviations and not known:
            made = self._store.subscribe(made["email"], is_subscribed=False)
        return _found(made)

    def _update(self, customer_id: str, request: Request) -> Answer:
        fields = self._fields(request)
        if fields is None:
            return _not_json()
        if customer_id not in self._store.customers:
            return _no_customer()
        if "update-ignored" in self.deviations:
            return self._customer(customer_id)
        if "whole-update" in self.deviations:
            fields = {**dict.fromkeys(WRITABLE_FIELDS), **fields}
        try:
            return _found(self._store.update(customer_id, fields))
        except Rejected as reason:
            return refusal(422, str(reason))

    def _fields(self, request: Request) -> JsonObject | None:
        """The fields of a write; None if it is no JSON object."""
        body = request.json_object()
        return under_other_names(body) if body and "other-names" in self.deviations else body

    def _customer(self, customer_id: str) -> Answer:
        customer = self._store.customers.get(customer_id)
        return _found(customer) if customer else _no_customer()

    def _search(self, request: Request) -> Answer:
        first = 0 if "page-from-zero" in self.deviations else 1
        page = request.page("page", first)
        if page is None and "page-zero-fails" in self.deviations:
            return refusal(500, "An error has occurred.")
        if page is None:
            return refusal(400, f"page must be a number from {first} on.")
        text = "" if "search-ignored" in self.deviations else request.query.get("search", "")
        found = self._store.search(text, 1 if "page-ignored" in self.deviations else page + 1 - first)
        if text and "search-by-name" in self.deviations:
            found = []
        if text and not found and "nobody-is-missing" in self.deviations:
            return refusal(404, "Nobody is found.")
        results = [{"customer": self._listed(customer)} for customer in found]
        return Answer({"results": results, "page": page, "totalPages": self._store.pages(text)})

    def _listed(self, customer: JsonObject) -> JsonObject:
        """A customer as a list shows it."""
        if "list-without-emails" in self.deviations:
            return without_email(customer)
        return with_masked_email(customer) if "list-masks-emails" in self.deviations else customer

    def _subscribe(self, request: Request, *, is_subscribed: bool) -> Answer:
        body = request.json_object()
        if body is None:
            return _not_json()
        name = "customerEmail" if "survey-by-customer-email" in self.deviations else "email"
        email = body.get(name)
        if not isinstance(email, str) or not email.strip():
            return refusal(400, f"The {name} field is required.")
        customer = self._store.by_email(email)
        if customer is None:
            # It repeats the address on purpose: whoever shows an API's message must mask it first.
            return refusal(404, f"There is no customer with the email {email}.")
        if "survey-ignored" in self.deviations:
            return _found(customer)
        return _found(self._store.subscribe(email, is_subscribed=is_subscribed))


def refusal(status: int, message: str) -> Answer:
    """An error answer. That the message is named so is assumed (contract: take `message`, `error`, `errors`)."""
    return Answer({"message": message}, status)


def _found(customer: JsonObject) -> Answer:
    return Answer(customer, customer_id=str(customer["id"]))


def _not_json() -> Answer:
    return refusal(400, "The body is not a JSON object.")


def _no_customer() -> Answer:
    return refusal(404, "There is no such customer.")


def _no_resource() -> Answer:
    return refusal(404, "There is no such resource.")
