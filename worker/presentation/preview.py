"""A preview in words, for the command line and the Manual Sync page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.sync.preview import FollowUp, Write

if TYPE_CHECKING:
    from worker.sync.preview import Preview

STATES: Final = {True: "subscribed", False: "not subscribed", None: "not known"}


def write_in_words(planned: Preview) -> str:
    """What the transfer would do."""
    if planned.write is Write.UPDATE:
        return f"would update the linked Stamped.io customer {planned.stamped_id}"
    cause = f"; the linked one, {planned.gone_id}, no longer exists" if planned.gone_id else ""
    if planned.stamped_id:
        return f"would update and link Stamped.io customer {planned.stamped_id}, which has the same email{cause}"
    if planned.matches > 1:
        return f"would update and link one of {planned.matches} Stamped.io customers that have the same email{cause}"
    return f"would create a customer in Stamped.io, and link it{cause}"


def follow_up_in_words(planned: Preview) -> str:
    """What would become of the subscription."""
    is_known = planned.stamped_id is not None
    state = f" (now {STATES[planned.is_subscribed]})" if is_known else ""
    if planned.subscription is FollowUp.NOT_MAPPED:
        return f"not mapped: left unchanged{state}"
    if planned.subscription is FollowUp.SOURCE_EMPTY:
        return f"the mapped field is empty: left unchanged{state}"
    if planned.subscription_failure:
        return f"would fail and be left unchanged{state}: {planned.subscription_failure.headline}"
    if planned.subscription is FollowUp.UNCHANGED:
        return f"as mapped already{state}"
    if planned.subscription is FollowUp.KEPT:
        has = "has" if planned.is_subscribed is False else "may have"
        left = "unsubscribed" if planned.is_subscribed is False else "as it is"
        return f"left {left}: the customer {has} unsubscribed, and the mapping says resubscribe = false"
    return f"would {planned.subscription}{state or ', unless Stamped.io creates the customer so'}"
