"""The transfer: one customer from iPaaS.com into Stamped.io (specification: Integration Flow)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.jobs.errors import StampedCustomerGone
from worker.jobs.job import Action, Consent, Next

if TYPE_CHECKING:
    from collections.abc import Mapping as Fields

    from worker.mapping.mapping import Mapped, Mapping
    from worker.stamped.answers import StampedCustomer
    from worker.sync.ports import Linkable, Writable


@dataclass(frozen=True, slots=True)
class Transferred:
    """The result of a transfer."""

    action: Action
    stamped_id: str
    next_step: Next
    warnings: tuple[str, ...] = ()
    """Recommended rows that could not be filled."""
    is_new: bool = False
    """Whether the customer is new in Stamped.io; it is only looked up if the mapping does not resubscribe."""
    shared_with: str | None = None
    """Another iPaaS.com customer that is linked to the same Stamped.io customer; only looked up if asked for."""

    @property
    def facts(self) -> dict[str, Any]:
        """What else the ledger keeps about it."""
        looked = {"shared_with": self.shared_with} if self.action is Action.CREATED or self.shared_with else {}
        return {"is_new": self.is_new} | looked


def transfer(
    customer_id: str,
    mapping: Mapping,
    source: Linkable,
    store: Writable,
    consent: Consent | None = None,
    *,
    warns_shared: bool = False,
) -> Transferred:
    """Create or update one customer in Stamped.io and record the link.

    The customer is read afresh. If it has an external-ID link, the linked customer is updated. If it has none, it is
    created, which updates the customer that has its email. If the linked customer is gone, it is created and linked
    anew.
    `consent`: what earlier runs of the job found out; this run notes in it at once what it does. `warns_shared`: look
    up who else is linked to the created customer, which costs a read.
    """
    consent = consent or Consent()
    customer = source.customer(customer_id)
    # Map before looking up the link: a customer that cannot be mapped fails without another call.
    mapped = mapping.apply(customer)
    link = source.link(customer_id, customer)

    if link and (written := _updated(link, mapped.payload, store)):
        consent.is_new = consent.is_new and link == (consent.created or link)
        shared_with = _shared_with(customer_id, link, source) if warns_shared and link == consent.created else None
        step = next_step(mapped, mapping, current=written.is_subscribed, is_new=consent.is_new)
        return Transferred(Action.UPDATED, link, step, mapped.warnings, consent.is_new, shared_with)

    # Search before the create: afterwards everybody would be found, and nobody would be new.
    is_new = consent.is_new or _is_new(mapped, mapping, store)
    written = _created(mapped.payload, store, consent, is_new=is_new)
    stamped_id = str(written.id)
    # Record the link before anything else that can wait or fail: without it, the next transfer would create again.
    source.record_link(customer_id, stamped_id)
    shared_with = _shared_with(customer_id, stamped_id, source) if warns_shared else None
    step = next_step(mapped, mapping, current=written.is_subscribed, is_new=consent.is_new)
    return Transferred(Action.CREATED, stamped_id, step, mapped.warnings, consent.is_new, shared_with)


def next_step(mapped: Mapped, mapping: Mapping, *, current: bool | None, is_new: bool = False) -> Next:
    """Whether a subscription job is needed: only if the field is mapped and the state differs or is not known.

    If the mapped value is neither true nor false, the subscription job is needed too, so that it fails with that error
    and the transfer does not.
    """
    if mapped.unclear_subscription:
        return Next.SUBSCRIPTION
    if mapped.subscription is None:
        return Next.NOTHING
    if current is mapped.subscription:
        return Next.UNCHANGED
    return Next.KEPT if mapping.keeps(current, mapped.subscription, is_new=is_new) else Next.SUBSCRIPTION


def _is_new(mapped: Mapped, mapping: Mapping, store: Writable) -> bool:
    """Whether the store has nobody with this e-mail; looked up only if the subscription depends on it.

    If a worker dies after the create but before it has noted it, the next run finds the customer of the first one. That
    customer then counts as known and stays as Stamped.io made it. This is intended: better one customer too few
    subscribed than one who had unsubscribed.
    """
    if mapping.resubscribes or not mapped.subscription:
        return False
    return store.has_nobody(mapped.payload["email"])


def _created(payload: Fields[str, str], store: Writable, consent: Consent, *, is_new: bool) -> StampedCustomer:
    """Create the customer, and note in `consent` whether it is new as soon as Stamped.io has accepted it.

    A customer that Stamped.io then shows as subscribed no longer counts as new, because it may unsubscribe from now on.
    Nor does one with another id than an earlier run created, when the customer had another address.
    """

    def note() -> None:  # before the answer is read: if that fails, the next run finds its own customer in the store
        consent.is_new = is_new

    earlier, written = consent.created, store.create(payload, taken=note)
    consent.created = str(written.id)
    is_ours = consent.created == (earlier or consent.created)
    consent.is_new = is_new and is_ours and written.is_subscribed is not True
    return written


def _shared_with(customer_id: str, stamped_id: str, source: Linkable) -> str | None:
    other = source.linked_customer(stamped_id)
    return other if other != customer_id else None


def _updated(link: str, payload: Fields[str, str], store: Writable) -> StampedCustomer | None:
    try:
        return store.update(link, payload)
    except StampedCustomerGone:
        return None
