"""Which holds end by what a subscription says, whoever reads it.

Any reading ends a hold that is for the reading itself. No other ends because of one that tells nothing new: if a key
may read the subscription but no customers, the store would be held, released and held again without end.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import TYPE_CHECKING, Final

from worker.jobs.calls import Api
from worker.jobs.errors import (
    HostNotFound,
    IPaaSCallsLimited,
    IPaaSCredentialsRefused,
    IPaaSSystemRefused,
    StampedCallsLimited,
    StampedCredentialsRefused,
    StampedUnreachable,
    SubscriptionIncomplete,
)

if TYPE_CHECKING:
    from worker.ledger import Ledger
    from worker.ledger.hold import Hold

log = logging.getLogger(__name__)

INCOMPLETE: Final = SubscriptionIncomplete.entry.code
OF_LIMITS: Final = frozenset(each.entry.code for each in (StampedCallsLimited, IPaaSCallsLimited))
"""Holds that no other key or address ends."""
OF_SOURCE: Final = frozenset(
    each.entry.code for each in (SubscriptionIncomplete, IPaaSCredentialsRefused, IPaaSSystemRefused)
)
"""Holds that can keep a subscription from being read."""
OF_STORE: Final = frozenset(each.entry.code for each in (StampedCredentialsRefused, HostNotFound, StampedUnreachable))
"""Holds by Stamped.io that a wrong value in the subscription can be the cause of."""


class News(Enum):
    """What a reading of a subscription tells that was not known before."""

    NONE = "none"
    READABLE = "readable"
    """It can be read, for the first time in this process or again."""
    OTHER = "other"
    """It has another address or other keys for Stamped.io."""


def can_be_mended(hold: Hold) -> bool:
    """Whether the trouble can be over in iPaaS.com before a job finds out: it is worth looking every few seconds."""
    if hold.is_limited:
        return False
    return hold.is_of_reading or hold.code in (OF_STORE if hold.api == Api.STAMPED.key else OF_SOURCE)


def is_ended(hold: Hold, news: News) -> bool:
    """Whether a hold ends by what a successful reading tells."""
    if hold.code == INCOMPLETE or hold.is_of_reading:
        return True
    if news is News.OTHER and hold.api == Api.STAMPED.key:
        return hold.code not in OF_LIMITS
    return news is not News.NONE and hold.code in OF_SOURCE


def end_hold(ledger: Ledger, system_id: int, news: News) -> None:
    """End the store's hold if the subscription, which was read just now, has mended it. Raises LedgerUnavailable."""
    hold = ledger.held_of(system_id)
    if hold and is_ended(hold, news):
        end(ledger, hold)


def end(ledger: Ledger, hold: Hold) -> None:
    """End a hold, and say why. Raises LedgerUnavailable."""
    if ledger.end(hold):
        log.warning("connection %d: no longer held, as its subscription was read", hold.system_id)
