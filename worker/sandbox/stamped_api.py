"""The calls of Stamped.io's API, for one store."""

from __future__ import annotations

from base64 import b64encode

from worker.sandbox.messages import Answer, JsonObject, Request
from worker.sandbox.stamped import Rejected, Store


class StampedApi:
    """Answers Stamped.io's calls from a store's state."""

    def __init__(self, store: Store, store_hash: str, public_key: str, private_key: str) -> None:
        self._store = store
        self._store_hash = store_hash
        self._authorization = f"Basic {b64encode(f'{public_key}:{private_key}'.encode()).decode()}"

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
        fields = request.json_object()
        if fields is None:
            return _not_json()
        try:
            return _found(self._store.add(fields))
        except Rejected as reason:
            return refusal(422, str(reason))

    def _update(self, customer_id: str, request: Request) -> Answer:
        fields = request.json_object()
        if fields is None:
            return _not_json()
        if customer_id not in self._store.customers:
            return _no_customer()
        try:
            return _found(self._store.update(customer_id, fields))
        except Rejected as reason:
            return refusal(422, str(reason))

    def _customer(self, customer_id: str) -> Answer:
        customer = self._store.customers.get(customer_id)
        return _found(customer) if customer else _no_customer()

    def _search(self, request: Request) -> Answer:
        page = request.page("page")
        if page is None:
            return refusal(400, "page must be a number from 1 on.")
        found = self._store.search(request.query.get("search", ""), page)
        return Answer({"results": [{"customer": customer} for customer in found], "page": page})

    def _subscribe(self, request: Request, *, is_subscribed: bool) -> Answer:
        body = request.json_object()
        if body is None:
            return _not_json()
        email = body.get("email")
        if not isinstance(email, str) or not email.strip():
            return refusal(400, "The email field is required.")
        if self._store.by_email(email) is None:
            # It repeats the address on purpose: whoever shows an API's message must mask it first.
            return refusal(404, f"There is no customer with the email {email}.")
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
