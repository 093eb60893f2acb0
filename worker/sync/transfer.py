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
    """What a transfer came to."""

    action: Action
    stamped_id: str
    next_step: Next
    warnings: tuple[str, ...] = ()
    """Recommended rows that could not be filled."""
    is_new: bool = False
    """Whether the customer is new in Stamped.io; known only where the mapping does not resubscribe."""
    shared_with: str | None = None
    """Another iPaaS.com customer that is linked to the same Stamped.io customer; known only if that is asked for."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the ledger keeps of it besides."""
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

    The customer is read afresh. Without an external-ID link it is created, which updates the customer that has its
    email; with one, the linked customer is updated. A linked customer that is gone is created and linked anew.
    `consent`: what earlier runs of the job found out; what this one does is noted in it at once. `warns_shared`: look
    who else is linked to the created customer, at the cost of a read. The link comes first: nothing that may have to
    wait, or fail, stands between it and the create.
    """
    consent = consent or Consent()
    customer = source.customer(customer_id)
    mapped = mapping.apply(customer)
    link = source.link(customer_id, customer)

    if link and (written := _updated(link, mapped.payload, store)):
        consent.is_new = consent.is_new and link == (consent.created or link)
        shared_with = _shared_with(customer_id, link, source) if warns_shared and link == consent.created else None
        step = next_step(mapped, mapping, current=written.is_subscribed, is_new=consent.is_new)
        return Transferred(Action.UPDATED, link, step, mapped.warnings, consent.is_new, shared_with)

    is_new = consent.is_new or _is_new(mapped, mapping, store)
    written = _created(mapped.payload, store, consent, is_new=is_new)
    stamped_id = str(written.id)
    source.record_link(customer_id, stamped_id)
    shared_with = _shared_with(customer_id, stamped_id, source) if warns_shared else None
    step = next_step(mapped, mapping, current=written.is_subscribed, is_new=consent.is_new)
    return Transferred(Action.CREATED, stamped_id, step, mapped.warnings, consent.is_new, shared_with)


def next_step(mapped: Mapped, mapping: Mapping, *, current: bool | None, is_new: bool = False) -> Next:
    """Whether a subscription job is needed: only when the field is mapped and the state differs, or is not known.

    One is also needed where the mapped value is not clear: it fails with that as its own error, the transfer does not.
    """
    if mapped.unclear_subscription:
        return Next.SUBSCRIPTION
    if mapped.subscription is None:
        return Next.NOTHING
    if current is mapped.subscription:
        return Next.UNCHANGED
    return Next.KEPT if mapping.keeps(current, mapped.subscription, is_new=is_new) else Next.SUBSCRIPTION


def _is_new(mapped: Mapped, mapping: Mapping, store: Writable) -> bool:
    """Whether the store has nobody with this e-mail; looked up only where the subscription depends on it.

    A transfer that is repeated because its worker died behind the create, before it could note that, finds its own
    customer, who then counts as known and stays as Stamped.io made it: rather that than a subscription that somebody
    has ended.
    """
    if mapping.resubscribes or not mapped.subscription:
        return False
    return store.has_nobody(mapped.payload["email"])


def _created(payload: Fields[str, str], store: Writable, consent: Consent, *, is_new: bool) -> StampedCustomer:
    """Create the customer, and note that it is new once Stamped.io has taken it: the next run finds it there.

    Whom Stamped.io shows as subscribed has nothing to come any more, and may unsubscribe from now on. If an earlier run
    has created another one, as the address was another then, this one was not new to us.
    """

    def note() -> None:
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
