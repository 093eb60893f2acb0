"""The transfer: one customer from iPaaS.com into Stamped.io (specification: Integration Flow)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from worker.errors import StampedCustomerGone
from worker.job import Action, Next

if TYPE_CHECKING:
    from collections.abc import Mapping as Fields

    from worker.customer import Customer
    from worker.mapping import Mapping
    from worker.stamped_answers import StampedCustomer


class Source(Protocol):
    """What a transfer needs of iPaaS.com."""

    @property
    def system_id(self) -> int:
        """The connection's key."""

    def customer(self, customer_id: str) -> Customer:
        """The customer as it is now."""

    def link(self, customer_id: str) -> str | None:
        """The linked Stamped.io customer id."""

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
    link = customer.link(source.system_id) or source.link(customer_id)

    written = _updated(link, mapped.payload, store) if link else None
    if link and written:
        action, stamped_id = Action.UPDATED, link
    else:
        written = store.create(mapped.payload)
        action, stamped_id = Action.CREATED, str(written.id)
        source.record_link(customer_id, stamped_id)
    return Transferred(
        action, stamped_id, next_step(desired=mapped.subscription, current=written.is_subscribed), mapped.warnings
    )


def next_step(*, desired: bool | None, current: bool | None) -> Next:
    """Whether a subscription job is needed: only when the field is mapped and the state differs, or is not known."""
    if desired is None:
        return Next.NOTHING
    return Next.UNCHANGED if current is desired else Next.SUBSCRIPTION


def _updated(link: str, payload: Fields[str, str], store: Store) -> StampedCustomer | None:
    try:
        return store.update(link, payload)
    except StampedCustomerGone:
        return None
