"""The state of iPaaS.com: customers and their external ids.

Records are replaced and never changed in place, so that a record that was handed out stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.sandbox.messages import JsonObject

PAGE_SIZE = 100
SYSTEM_NAME = "Stamped.io"
DELETED_PREFIX = "DELETED:"
SYSTEM_DIGITS = 19
COLLECTION_ID = "5120"
FIELDS = {
    "externalId": "CustomerNumber",
    "CustomerEmail": "EmailAddress",
    "Email": "EmailAddress",
    "FirstName": "FirstName",
    "LastName": "LastName",
    "Notes": "Comment",
}
"""The destinations of the specification's table, and the source of each."""


class Source:
    """The customers of iPaaS.com with, for each system, the external ids that link them; and mapping collections."""

    def __init__(
        self,
        systems: Iterable[int],
        settings: Mapping[str, Any] | None = None,
        *,
        page_size: int = PAGE_SIZE,
        are_missing_paged: bool = False,
    ) -> None:
        """`systems` are the ids of the subscriptions that exist; each has these `settings`.

        Unknown: whether the list of customers without a link comes in pages, too. It can do either.
        """
        self.systems = tuple(systems)
        self.settings: JsonObject = dict(settings or {})
        self.page_size = page_size
        self.are_missing_paged = are_missing_paged
        self.customers: dict[str, JsonObject] = {}
        self.links: dict[int, dict[str, str]] = {system: {} for system in self.systems}
        self.collections: dict[str, JsonObject] = {COLLECTION_ID: sample_collection()}

    def put(self, customer: Mapping[str, Any]) -> None:
        """Create or replace a customer.

        External ids in the record become links. Links that the record does not show stay, because a customer of
        iPaaS.com need not show all of its own: a look-up still finds them.
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

    def link(self, system: int, customer_id: str) -> str | None:
        """The external id as it was recorded, marked as deleted or not."""
        return self.links.get(system, {}).get(customer_id)

    def linked(self, system: int, external_id: str) -> str | None:
        """The customer for whom an external id is recorded; the first if there are several."""
        return next((known for known, held in self.links.get(system, {}).items() if held == external_id), None)

    def record_link(self, system: int, customer_id: str, external_id: str) -> JsonObject:
        """Create or update a link, also in the customer's record. Raises KeyError if there is no such customer."""
        customer = self.customers[customer_id]
        entry = {
            "id": f"{system}-{customer_id}",
            "system_id": system,
            "system_name": SYSTEM_NAME,
            "external_id": external_id,
            "internal_id": customer_id,
        }
        others = [held for held in _external_ids(customer) if system_of(held.get("system_id")) != system]
        self.put({**customer, "external_ids": [*others, entry]})
        return entry

    def with_email(self, email: str) -> list[JsonObject]:
        """The customers with an e-mail address. Assumed: that "equals" pays no heed to case."""
        wanted = email.casefold()
        return [held for held in self.customers.values() if str(held.get("email_address") or "").casefold() == wanted]

    def missing(self, system: int) -> list[str]:
        """The ids of the customers without a link to this system; a link that is marked as deleted does not count."""
        links = self.links.get(system, {})
        return [known for known in self.customers if links.get(known, DELETED_PREFIX).startswith(DELETED_PREFIX)]


def _links_shown(customer: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for held in _external_ids(customer):
        system = system_of(held.get("system_id"))
        if system is not None and held.get("external_id"):
            yield system, str(held["external_id"])


def _external_ids(customer: Mapping[str, Any]) -> list[JsonObject]:
    held = customer.get("external_ids")
    return [entry for entry in held if isinstance(entry, dict)] if isinstance(held, list) else []


def sample_collection() -> JsonObject:
    """The specification's table as a mapping collection, and a Static row for the subscription.

    Its fields are assumed (contract: MappingCollection, A).
    """
    rows = [_row("Field", source, destination) for destination, source in FIELDS.items()]
    rows.append(_row("Static", "true", "IsSubscribed"))
    more = {"filter": "", "error_filter": "", "sync_type": "Add/Update", "children": []}
    return {"id": COLLECTION_ID, **more, "mappings": rows}


def _row(type_name: str, source: str, destination: str) -> JsonObject:
    return {
        "mapping_type_name": type_name,
        "source_value": source,
        "destination_field": destination,
        "default_value": None,
        "translation_collection_id": None,
    }


def system_of(value: object) -> int | None:
    """A system id that comes as a number or as a text; None if it is neither."""
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= SYSTEM_DIGITS else None
