"""A job: one unit of work in the ledger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from worker.errors import CustomerIdInvalid

CUSTOMER_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
"""An iPaaS.com Customer ID, for example 150713 (specification: ID Format)."""


class Kind(StrEnum):
    """What a job does."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"


class Action(StrEnum):
    """What a job came to."""

    CREATED = "created"
    UPDATED = "updated"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    UNCHANGED = "unchanged"


class Next(StrEnum):
    """What a customer job hands over to the customer's subscription job."""

    NOTHING = ""
    SUBSCRIPTION = "subscription"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of work: to transfer a customer, or to reconcile its subscription."""

    kind: Kind
    system_id: int
    customer_id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.system_id}/{self.customer_id}"

    @property
    def subscription(self) -> Job:
        """The same customer's subscription job."""
        return Job(Kind.SUBSCRIPTION, self.system_id, self.customer_id)


def customer_id(value: object) -> str:
    """The customer id in `value`, a text or a number. Raises CustomerIdInvalid, which names nothing of the value."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not CUSTOMER_ID.fullmatch(text):
        raise CustomerIdInvalid
    return text
