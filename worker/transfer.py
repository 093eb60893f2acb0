"""The transfer: one customer from iPaaS.com into Stamped.io (specification: Integration Flow)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from worker.errors import StampedCustomerGone
from worker.job import Action, Next

if TYPE_CHECKING:
    from collections.abc import Mapping as Fields

    from worker.customer import Customer
    from worker.mapping import Mapped, Mapping
    from worker.stamped_answers import StampedCustomer


class Readable(Protocol):
    """What is read of iPaaS.com, to transfer a customer or to preview that."""

    @property
    def system_id(self) -> int:
        """The connection's key."""

    def customer(self, customer_id: str) -> Customer:
        """The customer as it is now."""

    def link(self, customer_id: str) -> str | None:
        """The linked Stamped.io customer id."""


class Source(Readable, Protocol):
    """What a transfer needs of iPaaS.com."""

    def record_link(self, customer_id: str, stamped_id: str) -> None:
        """Link the two records."""


class Store(Protocol):
    """What a transfer needs of Stamped.io."""

    def create(self, payload: Fields[str, str]) -> StampedCustomer:
        """Create a customer, or update the one with this e-mail."""

    def update(self, stamped_id: str, payload: Fields[str, str]) -> StampedCustomer:
        """Update one customer."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What a transfer came to."""

    action: Action
    stamped_id: str
    next_step: Next
    warnings: tuple[str, ...] = ()
    """Recommended rows that could not be filled."""


def transfer(customer_id: str, mapping: Mapping, source: Source, store: Store) -> Transferred:
    """Create or update one customer in Stamped.io and record the link.

    The customer is read afresh. Without an external-ID link it is created, which updates the customer that has its
    email; with one, the linked customer is updated. A linked customer that is gone is created and linked anew.
    """
    customer = source.customer(customer_id)
    mapped = mapping.apply(customer)
    link = linked_id(customer_id, customer, source)

    if link and (written := _updated(link, mapped.payload, store)):
        action, stamped_id = Action.UPDATED, link
    else:
        written = store.create(mapped.payload)
        action, stamped_id = Action.CREATED, str(written.id)
        source.record_link(customer_id, stamped_id)
    return Transferred(action, stamped_id, next_step(mapped, current=written.is_subscribed), mapped.warnings)


def linked_id(customer_id: str, customer: Customer, source: Readable) -> str | None:
    """The linked Stamped.io customer id: the one that the customer's record shows, else the one that is looked up."""
    return customer.link(source.system_id) or source.link(customer_id)


def next_step(mapped: Mapped, *, current: bool | None) -> Next:
    """Whether a subscription job is needed: only when the field is mapped and the state differs, or is not known.

    One is also needed where the mapped value is not clear: it fails with that as its own error, the transfer does not.
    """
    if mapped.unclear_subscription:
        return Next.SUBSCRIPTION
    if mapped.subscription is None:
        return Next.NOTHING
    return Next.UNCHANGED if current is mapped.subscription else Next.SUBSCRIPTION


def _updated(link: str, payload: Fields[str, str], store: Store) -> StampedCustomer | None:
    try:
        return store.update(link, payload)
    except StampedCustomerGone:
        return None
