"""The preview: what a transfer would do. It only reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.jobs.errors import StampedCustomerGone
from worker.jobs.job import Next
from worker.sync.transfer import next_step

if TYPE_CHECKING:
    from worker.jobs.catalogue import Failure
    from worker.mapping.mapping import Mapped, Mapping
    from worker.stamped.answers import StampedCustomer
    from worker.sync.ports import Readable, Searchable


class Write(StrEnum):
    """What a transfer would write."""

    CREATE = "create"
    UPDATE = "update"


class FollowUp(StrEnum):
    """What would happen to the subscription."""

    NOT_MAPPED = "not mapped"
    SOURCE_EMPTY = "source empty"
    UNCHANGED = "unchanged"
    KEPT = "kept unsubscribed"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a transfer would do to one customer."""

    write: Write
    stamped_id: str | None
    """The Stamped.io customer that would be written to; None if it would be a new one, or cannot be known yet."""
    matches: int
    """How many customers of Stamped.io have the email; 0 if the customer is linked to one that exists."""
    gone_id: str | None
    """The linked Stamped.io customer, if it no longer exists."""
    payload: dict[str, str]
    warnings: tuple[str, ...]
    """Recommended rows that could not be filled."""
    subscription: FollowUp
    is_subscribed: bool | None
    """The present state in Stamped.io; None if it is not known."""
    subscription_failure: Failure | None = None
    """The error with which the subscription job would fail, although the transfer would not."""


def preview(customer_id: str, mapping: Mapping, source: Readable, store: Searchable) -> Preview:
    """What a transfer would do. Raises what a transfer would raise, except the errors of its writes.

    If there is no link, or the linked customer is gone, Stamped.io would match by email; the preview searches for it.
    """
    customer = source.customer(customer_id)
    mapped = mapping.apply(customer)
    link = source.link(customer_id, customer)

    linked = _linked(link, store) if link else None
    found = [] if linked else store.customers_with(mapped.payload["email"])
    present = linked or (found[0] if len(found) == 1 else None)
    is_subscribed = present.is_subscribed if present else None
    return Preview(
        write=Write.UPDATE if linked else Write.CREATE,
        stamped_id=link if linked else _id(present),
        matches=len(found),
        gone_id=None if linked else link,
        payload=mapped.payload,
        warnings=mapped.warnings,
        subscription=_follow_up(mapping, mapped, current=is_subscribed, is_new=not (linked or found)),
        is_subscribed=is_subscribed,
        subscription_failure=mapped.unclear_subscription,
    )


def _linked(link: str, store: Searchable) -> StampedCustomer | None:
    try:
        return store.customer(link)
    except StampedCustomerGone:
        return None


def _id(customer: StampedCustomer | None) -> str | None:
    return customer.id if customer else None


def _follow_up(mapping: Mapping, mapped: Mapped, *, current: bool | None, is_new: bool) -> FollowUp:
    if mapped.unclear_subscription:
        return FollowUp.FAIL
    step = next_step(mapped, mapping, current=current, is_new=is_new)
    if step is Next.NOTHING:
        return FollowUp.SOURCE_EMPTY if mapping.maps_subscription else FollowUp.NOT_MAPPED
    if step is not Next.SUBSCRIPTION:
        return FollowUp.UNCHANGED if step is Next.UNCHANGED else FollowUp.KEPT
    return FollowUp.SUBSCRIBE if mapped.subscription else FollowUp.UNSUBSCRIBE
