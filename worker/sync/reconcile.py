"""The reconciliation: one customer's subscription in Stamped.io (specification: Subscription Handling)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.jobs.errors import StampedCustomerGone, SubscriptionFailed
from worker.jobs.intents import Intent
from worker.jobs.job import Action, Next

if TYPE_CHECKING:
    from worker.mapping.mapping import Mapping
    from worker.sync.ports import Readable, Subscribable


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The result of a reconciliation."""

    action: Action
    stamped_id: str | None
    next_step: Next = Next.NOTHING
    """Always this: nothing follows a reconciliation."""

    @property
    def facts(self) -> dict[str, Any]:
        """What else the ledger keeps about it: nothing."""
        return {}


def reconcile(
    customer_id: str,
    stamped_id: str | None,
    mapping: Mapping,
    source: Readable,
    store: Subscribable,
    *,
    is_new: bool = False,
) -> Reconciled:
    """Subscribe or unsubscribe one customer, if the field is mapped and its state in Stamped.io differs.

    `stamped_id` is the id that the transfer wrote to; without it, the link is looked up. `is_new`: the transfer found
    nobody with this e-mail before. With `resubscribe = false` in the mapping, an unsubscribed customer who is not new
    stays unsubscribed.
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


def _desired(customer_id: str, mapping: Mapping, source: Readable) -> bool | None:
    """The mapped value by today's mapping; the customer is read only if the value comes from one of its fields."""
    if not mapping.maps_subscription or mapping.static_subscription is not None:
        return mapping.static_subscription
    return mapping.subscription(source.customer(customer_id))
