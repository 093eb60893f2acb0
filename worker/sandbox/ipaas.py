"""The state of iPaaS.com: customers and their external ids.

Records are replaced and never changed in place, so that a record handed out stays as it was.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.sandbox.messages import JsonObject

PAGE_SIZE = 100
SYSTEM_NAME = "Stamped.io"
DELETED_PREFIX = "DELETED:"
SYSTEM_DIGITS = 19


class Source:
    """The customers of iPaaS.com and, for each system, the external ids that link them."""

    def __init__(self, systems: Iterable[int], *, page_size: int = PAGE_SIZE, are_missing_paged: bool = False) -> None:
        """`systems` are the subscriptions that exist, by their ids.

        Whether the list of customers without a link comes in pages, too, is unknown: it can do either.
        """
        self.systems = tuple(systems)
        self.page_size = page_size
        self.are_missing_paged = are_missing_paged
        self.customers: dict[str, JsonObject] = {}
        self.links: dict[int, dict[str, str]] = {system: {} for system in self.systems}

    def put(self, customer: Mapping[str, Any]) -> None:
        """Create or replace a customer.

        External ids that the record shows are recorded as links. Links that it does not show stay: iPaaS.com's
        customer need not carry them, and a look-up still finds them.
        """
        customer_id = str(customer["id"])
        self.customers[customer_id] = {**customer, "id": customer_id}
        for system, external_id in _links_shown(customer):
            self.links.setdefault(system, {})[customer_id] = external_id

    def patch(self, customer_id: str, changes: Mapping[str, Any]) -> None:
        """Change some fields of a customer. Raises KeyError if there is no such customer."""
        self.put({**self.customers[customer_id], **changes, "id": customer_id})

    def delete(self, customer_id: str) -> None:
        """Remove a customer and its links. Raises KeyError if there is no such customer."""
        del self.customers[customer_id]
        for links in self.links.values():
            links.pop(customer_id, None)

    def page(self, number: int) -> list[JsonObject]:
        """The customers of one page, counted from 1, in the order of their creation."""
        start = (number - 1) * self.page_size
        return list(islice(self.customers.values(), start, start + self.page_size))

    def pages(self, length: int) -> int:
        """How many pages a list has; an empty one is one page."""
        return max(1, -(-length // self.page_size))

    def link(self, system: int, customer_id: str) -> str | None:
        """The external id as it was recorded, deleted or not."""
        return self.links.get(system, {}).get(customer_id)

    def linked(self, system: int, external_id: str) -> str | None:
        """The customer that an external id is recorded for: the first of several."""
        return next((known for known, held in self.links.get(system, {}).items() if held == external_id), None)

    def record_link(self, system: int, customer_id: str, external_id: str) -> JsonObject:
        """Create or update a link, in the record too. Raises KeyError if there is no such customer."""
        customer = self.customers[customer_id]
        entry = _entry(system, customer_id, external_id)
        others = [held for held in _external_ids(customer) if system_of(held.get("system_id")) != system]
        self.put({**customer, "external_ids": [*others, entry]})
        return entry

    def missing(self, system: int) -> list[str]:
        """The ids of customers without a link to this system; a deleted link is none."""
        links = self.links.get(system, {})
        return [known for known in self.customers if links.get(known, DELETED_PREFIX).startswith(DELETED_PREFIX)]


def _entry(system: int, customer_id: str, external_id: str) -> JsonObject:
    return {
        "id": f"{system}-{customer_id}",
        "system_id": system,
        "system_name": SYSTEM_NAME,
        "external_id": external_id,
        "internal_id": customer_id,
    }


def _links_shown(customer: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for held in _external_ids(customer):
        system = system_of(held.get("system_id"))
        if system is not None and held.get("external_id"):
            yield system, str(held["external_id"])


def _external_ids(customer: Mapping[str, Any]) -> list[JsonObject]:
    held = customer.get("external_ids")
    return [entry for entry in held if isinstance(entry, dict)] if isinstance(held, list) else []


def system_of(value: object) -> int | None:
    """A system id that may come as a number or as a text."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= SYSTEM_DIGITS else None
