"""The calls of iPaaS.com's API."""

from __future__ import annotations

import json
from typing import Any

from worker.sandbox.ipaas import Source, system_of
from worker.sandbox.messages import Answer, JsonObject, Request

TABLE = "customer"


class IPaaSApi:
    """Answers iPaaS.com's calls from its state."""

    def __init__(self, source: Source, token: str) -> None:
        self._source = source
        self._authorization = f"Bearer {token}"

    def answer(self, request: Request) -> Answer:  # noqa: PLR0911 - one return for each call of the contract
        """Do what the call asks for."""
        if request.authorization != self._authorization:
            return refusal(401, "AUTH-1001", "The access token is missing or not valid.")
        match request.method, request.segments:
            case "GET", ["customers", "v2", "Customer", customer_id]:
                return self._customer(customer_id)
            case "GET", ["customers", "v2", "Customers"]:
                return self._customers(request)
            case "GET", ["customers", "v2", "External", "LookupExternal", customer_id, system, "customer"]:
                return self._external_id(customer_id, system)
            case "GET", ["customers", "v2", "External", "LookupSpaceport", system, "customer", external_id]:
                return self._linked(system, external_id)
            case "POST", ["customers", "v2", "External", "UpdateExternalId"]:
                return self._update_external_id(request)
            case "GET", ["customers", "v2", "External", "Missing", system, "customer"]:
                return self._missing(request, system)
            case "GET", ["subscriptions", "v2", "Subscription", system]:
                return self._subscription(system)
        return refusal(404, "NFND-1000", "There is no such resource.")

    def _customer(self, customer_id: str) -> Answer:
        customer = self._source.customers.get(customer_id)
        return Answer(customer) if customer else _no_customer()

    def _customers(self, request: Request) -> Answer:
        page = request.page("pageNumber")
        if page is None:
            return _no_page()
        return self._page(page, self._source.page(page), len(self._source.customers))

    def _page(self, number: int, shown: list[Any], length: int) -> Answer:
        pagination = {"current_Page": number, "total_Pages": self._source.pages(length)}
        return Answer(shown, headers={"X-Pagination": json.dumps(pagination)})

    def _external_id(self, customer_id: str, system: str) -> Answer:
        known = system_of(system)
        external_id = None if known is None else self._source.link(known, customer_id)
        return Answer(external_id) if external_id else refusal(404, "NFND-1002", "There is no external id.")

    def _linked(self, system: str, external_id: str) -> Answer:
        known = system_of(system)
        linked = None if known is None else self._source.linked(known, external_id)
        return Answer(linked) if linked else _no_customer()

    def _missing(self, request: Request, system: str) -> Answer:
        known, page = self._system(system), request.page("pageNumber")
        if known is None or page is None:
            return _no_page() if known else _no_subscription()
        missing, size = self._source.missing(known), self._source.page_size
        if not self._source.are_missing_paged:
            return Answer(missing)
        return self._page(page, missing[(page - 1) * size : page * size], len(missing))

    def _update_external_id(self, request: Request) -> Answer:
        body = request.json_object()
        if body is None:
            return refusal(400, "VALD-1002", "The body is not a JSON object.")
        customer_id = str(body.get("internal_id"))
        system = self._system(body.get("system_id"))
        if fault := _fault_of_link(body, system):
            return refusal(400, "VALD-1003", fault, customer_id)
        if system is None or customer_id not in self._source.customers:
            return _no_customer(customer_id)
        entry = self._source.record_link(system, customer_id, str(body["external_id"]))
        return Answer(entry, customer_id=customer_id)

    def _subscription(self, system: str) -> Answer:
        known = self._system(system)
        return Answer(_subscription(known)) if known else _no_subscription()

    def _system(self, value: object) -> int | None:
        system = system_of(value)
        return system if system in self._source.systems else None


def refusal(status: int, code: str, message: str, customer_id: str | None = None) -> Answer:
    """An error answer. That a code and a message are named so is assumed (contract: the property names are unknown)."""
    return Answer({"code": code, "message": message}, status, customer_id=customer_id)


def _no_page() -> Answer:
    return refusal(400, "VALD-1001", "pageNumber must be a number from 1 on.")


def _no_customer(customer_id: str | None = None) -> Answer:
    return refusal(404, "NFND-1001", "There is no such customer.", customer_id)


def _no_subscription() -> Answer:
    return refusal(404, "NFND-1003", "There is no such subscription.")


def _fault_of_link(body: JsonObject, system: int | None) -> str:
    """What is wrong with the body of UpdateExternalId, or an empty text. That these are refused is assumed."""
    if body.get("table_name") != TABLE:
        return f"table_name must be {TABLE}."
    if system is None:
        return "system_id is not a known subscription."
    return "" if str(body.get("external_id") or "").strip() else "external_id must not be empty."


def _subscription(system: int) -> JsonObject:
    """A subscription with the settings that need no secret."""
    settings = {"API Throttle Limit": "500", "API Throttle Seconds": "60", "Concurrent Connections": "10"}
    return {"id": system, "name": f"Stamped.io {system}", "settings": settings}
