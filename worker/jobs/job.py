"""A job: one unit of work in the ledger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from worker.jobs.errors import ConnectionUnknown, CustomerIdInvalid, TriggerMalformed
from worker.jobs.intents import InWords

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")

CUSTOMER_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
"""An iPaaS.com Customer ID, for example 150713 (specification: ID Format). It has no leading zero, because 0150713 and
150713 would be two jobs of one customer."""
NO_ID: Final = "is not a whole number of 1 to 19 digits that does not start with 0"
"""What is wrong with a text that is none; it goes on after the text's name."""

STAMPED_ID = re.compile(r"(?=\D*\d)[\w-]{1,64}", re.ASCII)
"""A Stamped.io customer id (contract: a number, C); it becomes part of a path and of a key of the ledger.

It has at least one digit, so it cannot be a word of the API's own paths, such as `add`."""

PAGE: Final = 500
"""Long lists of jobs go to the ledger a page at a time: each page is one round trip."""

NUMBERS_END = 10**19
"""No id is this large or larger. The limit matters because Python refuses to print numbers of thousands of digits."""


class Kind(StrEnum):
    """What a job does."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"


class State(InWords):
    """Where a job stands, and what that means, as a sentence that begins with "The job"."""

    QUEUED = "queued", "waits for its turn in its connection's queue"
    SENT = "sent", "is on its way to a worker"
    RUNNING = "running", "is being run by a worker"
    WAITING = "waiting", "waits to be tried again"
    DONE = "done", "ended well"
    FAILED = "failed", "failed, and shows in Error Logs"


class Action(StrEnum):
    """What a job did."""

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
    """Its state is already the mapped one."""
    KEPT = "kept"
    """Its state differs, or is not known, but stays as it is, because the mapping does not resubscribe."""


@dataclass(slots=True)
class Consent:
    """What a job knows about its customer's consent. The ledger hands it to the next run, however this one ends."""

    is_new: bool = False
    """Whether one of our transfers created the customer and nobody has set its subscription since, so that the customer
    cannot have unsubscribed."""
    created: str = ""
    """The id of the Stamped.io customer that an earlier run of the job created, if that run then did not finish."""


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of work: to transfer a customer, or to reconcile its subscription."""

    kind: Kind
    system_id: int
    customer_id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.system_id}/{self.customer_id}"

    @classmethod
    def read(cls, kind: object, system_id: object, customer: object) -> Job:
        """The job that a message names. Raises an error of the catalogue, which repeats only ids of the message."""
        if kind not in list(Kind):
            raise TriggerMalformed("the kind is neither customer nor subscription")
        system = plain_text(system_id)
        if not CUSTOMER_ID.fullmatch(system):
            raise ConnectionUnknown
        return cls(Kind(str(kind)), int(system), customer_id(customer))

    @property
    def subscription(self) -> Job:
        """The same customer's subscription job."""
        return Job(Kind.SUBSCRIPTION, self.system_id, self.customer_id)


def customer_id(value: object) -> str:
    """The customer id in `value`, a text or a number. Raises CustomerIdInvalid, which does not repeat the value."""
    text = plain_text(value)
    if not CUSTOMER_ID.fullmatch(text):
        raise CustomerIdInvalid
    return text


def plain_text(value: object) -> str:
    """A text without the blanks around it, or a number as text; empty for anything else and for an absurd number."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < NUMBERS_END:
        return str(value)
    return ""


def live_link(external_id: str | None) -> str | None:
    """The external id, or None if it is empty or marks a deleted link (contract: `DELETED:`, C)."""
    external_id = (external_id or "").strip()
    return None if not external_id or external_id.startswith("DELETED:") else external_id


def pages(items: Iterable[Item], size: int = PAGE) -> Iterator[list[Item]]:
    """The items in lists of at most `size`."""
    remaining = iter(items)
    while page := list(islice(remaining, size)):
        yield page
