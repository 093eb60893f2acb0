"""The reconciliation: one customer's subscription in Stamped.io (specification: Subscription Handling)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from worker.jobs.errors import StampedCustomerGone, SubscriptionFailed
from worker.jobs.intents import Intent
from worker.jobs.job import Action, Next

if TYPE_CHECKING:
    from worker.ipaas.customer import Customer
    from worker.mapping.mapping import Mapping
    from worker.stamped.answers import StampedCustomer


class Source(Protocol):
    """What a reconciliation needs of iPaaS.com."""

    def customer(self, customer_id: str) -> Customer:
        """The customer as it is now."""

    def link(self, customer_id: str) -> str | None:
        """The linked Stamped.io customer id."""


class Store(Protocol):
    """What a reconciliation needs of Stamped.io."""

    def customer(self, stamped_id: str) -> StampedCustomer:
        """One customer, with its email and its present state."""

    def subscribe(self, email: str) -> None:
        """Subscribe by email."""

    def unsubscribe(self, email: str) -> None:
        """Unsubscribe by email."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a reconciliation came to."""

    action: Action
    stamped_id: str | None
    next_step: Next = Next.NOTHING
    """Nothing follows a reconciliation."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the ledger keeps of it besides: nothing."""
        return {}


def reconcile(
    customer_id: str, stamped_id: str | None, mapping: Mapping, source: Source, store: Store, *, is_new: bool = False
) -> Reconciled:
    """Subscribe or unsubscribe one customer, if the field is mapped and its state in Stamped.io differs.

    `stamped_id` is the id that the transfer wrote to; without it, the link is looked up. `is_new`: the transfer found
    nobody with this e-mail before. A mapping with `resubscribe = false` leaves everybody else unsubscribed who is.
    """
    desired = _desired(customer_id, mapping, source)
    if desired is None:
        return Reconciled(Action.UNCHANGED, stamped_id)
    stamped_id = stamped_id or source.link(customer_id)
    if not stamped_id:
        raise StampedCustomerGone("there is no external ID", intent=Intent.CUSTOMERS)

    present = store.customer(stamped_id)
    if mapping.keeps(present.is_subscribed, desired, is_new=is_new):
        return Reconciled(Action.UNCHANGED, stamped_id)
    if not present.email:
        raise SubscriptionFailed("Stamped.io's customer has no email")
    if desired:
        store.subscribe(present.email)
        return Reconciled(Action.SUBSCRIBED, stamped_id)
    store.unsubscribe(present.email)
    return Reconciled(Action.UNSUBSCRIBED, stamped_id)


def _desired(customer_id: str, mapping: Mapping, source: Source) -> bool | None:
    """The mapped value by today's mapping; the customer is read only where a field of it decides."""
    if not mapping.maps_subscription or mapping.static_subscription is not None:
        return mapping.static_subscription
    return mapping.subscription(source.customer(customer_id))
