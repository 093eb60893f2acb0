"""The calls of iPaaS.com's API."""

from __future__ import annotations

import json
from typing import Any

from worker.sandbox.ipaas import Source, system_of
from worker.sandbox.messages import Answer, JsonObject, Refused, Request, page_of
from worker.sandbox.sso import BEARER, SignIn

TABLE = "customer"


class IPaaSApi:
    """Answers iPaaS.com's calls from its state."""

    def __init__(self, source: Source, token: str) -> None:
        self._source = source
        self._token = token
        self.sign_in = SignIn()

    def answer(self, request: Request) -> Answer:  # noqa: C901, PLR0911 - one return for each call of the contract
        """Do what the call asks for. Raises Refused."""
        if request.segments[:2] == ["sso", "v2"]:
            return self.sign_in.answer(request)
        if request.authorization.removeprefix(BEARER) not in {self._token, *self.sign_in.of_company}:
            raise Refused(401, "The access token is missing or not valid.", code="AUTH-1001")
        match request.method, request.segments:
            case "GET", ["customers", "v2", "Customer", customer_id]:
                return _found(self._source.customers.get(customer_id))
            case "GET", ["customers", "v2", "Customers"]:
                return self._page(request, self._searched(request))
            case "GET", ["customers", "v2", "External", "LookupExternal", customer_id, system, "customer"]:
                return self._external_id(customer_id, system)
            case "GET", ["customers", "v2", "External", "LookupSpaceport", system, "customer", external_id]:
                return self._linked(system, external_id)
            case "POST", ["customers", "v2", "External", "UpdateExternalId"]:
                return self._update_external_id(request)
            case "GET", ["customers", "v2", "External", "Missing", system, "customer"]:
                return self._missing(request, system)
            case "GET", ["subscriptions", "v2", "Subscription", system]:
                return Answer(self._subscription(self._subscribed(system)))
            case "GET", ["subscriptions", "v2", "MappingCollection", collection_id]:
                return self._collection(collection_id)
        raise Refused(404, "There is no such resource.", code="NFND-1000")

    def _searched(self, request: Request) -> list[JsonObject]:
        """The customers that the query asks for: all of them, or those with an e-mail address."""
        if "action" not in request.query:
            return list(self._source.customers.values())
        if request.query["action"] != "equals" or not request.query.get("EmailAddress"):
            raise Refused(400, "Only action=equals with an EmailAddress is served.", code="VALD-1004")
        return self._source.with_email(request.query["EmailAddress"])

    def _page(self, request: Request, found: list[Any]) -> Answer:
        page = request.page("pageNumber")
        if page is None:
            raise Refused(400, "pageNumber must be a number from 1 on.", code="VALD-1001")
        shown, pages = page_of(found, page, self._source.page_size)
        return Answer(shown, headers={"X-Pagination": json.dumps({"current_Page": page, "total_Pages": pages})})

    def _external_id(self, customer_id: str, system: str) -> Answer:
        known = system_of(system)
        external_id = None if known is None else self._source.link(known, customer_id)
        if not external_id:
            raise Refused(404, "There is no external id.", code="NFND-1002")
        return Answer(external_id)

    def _linked(self, system: str, external_id: str) -> Answer:
        known = system_of(system)
        return _found(None if known is None else self._source.linked(known, external_id))

    def _missing(self, request: Request, system: str) -> Answer:
        missing = self._source.missing(self._subscribed(system))
        page = self._page(request, missing)
        return page if self._source.are_missing_paged else Answer(missing)

    def _update_external_id(self, request: Request) -> Answer:
        body = request.json_object(code="VALD-1002")
        customer_id, system = str(body.get("internal_id")), system_of(body.get("system_id"))
        if fault := self._fault_of_link(body, system):
            raise Refused(400, fault, code="VALD-1003", customer_id=customer_id)
        if system is None or customer_id not in self._source.customers:
            raise _no_customer(customer_id)
        entry = self._source.record_link(system, customer_id, str(body["external_id"]))
        return Answer(entry, customer_id=customer_id)

    def _fault_of_link(self, body: JsonObject, system: int | None) -> str:
        """What is wrong with the body of UpdateExternalId, or an empty text. Assumed: that these are refused."""
        if body.get("table_name") != TABLE:
            return f"table_name must be {TABLE}."
        if system not in self._source.systems:
            return "system_id is not a known subscription."
        return "" if str(body.get("external_id") or "").strip() else "external_id must not be empty."

    def _subscription(self, system: int) -> JsonObject:
        """A subscription with all its settings, the keys among them."""
        return {"id": system, "name": f"Stamped.io {system}", "settings": dict(self._source.settings)}

    def _collection(self, collection_id: str) -> Answer:
        if collection_id not in self._source.collections:
            raise Refused(404, "There is no such mapping collection.", code="NFND-1004")
        return Answer(self._source.collections[collection_id])

    def _subscribed(self, value: str) -> int:
        """The id of a subscription that exists."""
        if (system := system_of(value)) is None or system not in self._source.systems:
            raise Refused(404, "There is no such subscription.", code="NFND-1003")
        return system


def _found(customer: object) -> Answer:
    if not customer:
        raise _no_customer()
    return Answer(customer)


def _no_customer(customer_id: str | None = None) -> Refused:
    return Refused(404, "There is no such customer.", code="NFND-1001", customer_id=customer_id)
