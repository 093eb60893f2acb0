"""Chance: what goes wrong, how often, and how often it did; drawn from the seed alone."""

from __future__ import annotations

import random
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Fault(StrEnum):
    """What the scheduler may do to the software, or change around it."""

    WORKER_KILLED = "worker killed"
    WORKER_PAUSED = "worker paused"
    LEASE_RAN_OUT = "lease ran out while its holder was paused"
    MESSAGE_LOST = "message lost"
    MESSAGE_REPEATED = "message repeated"
    MESSAGE_DELAYED = "message delayed"
    QUEUE_SILENT = "queue did not answer a publish"
    LEDGER_SILENT = "Redis did not answer"
    STEP_REPEATED = "ledger step run twice by the Redis client"
    CALL_NOT_MADE = "call that never arrived"
    ANSWER_LOST = "call whose answer was lost"
    ANSWER_EMPTY = "write answered without a body"
    STATUS_408 = "408"
    STATUS_422 = "400 or 422"
    STATUS_401 = "401"
    STATUS_429 = "429 with Retry-After"
    STATUS_5XX = "5xx without effect"
    LATE_5XX = "5xx after the effect"
    WEB_PAGE = "web page in the API's place"
    REDIRECT = "redirect"
    UNREADABLE = "unreadable answer"
    TROUBLE_INSIDE = "server error inside a success"
    REFUSED_INSIDE = "refusal inside a success"
    TAKEN_DOWN = "write only taken down (202)"
    ANOTHERS_RECORD = "another customer's record"
    NOT_THERE_YET = "read or search that lags behind"
    BLACKOUT = "API that answers nobody for a while"
    CUSTOMER_CHANGED = "customer changed"
    CUSTOMER_REMOVED = "customer removed from the store"
    MAPPING_FLIPPED = "mapping flipped"
    CONNECTION_REMOVED = "connection removed for a while"
    STORE_PAUSED = "store paused for a while"
    """Drawn by the upstream itself, so that the worlds without it are those they always were."""
    LIST_DRIFT = "customer inserted into the list or deleted from it"
    """Drawn by the list itself."""


ODDS = {
    Fault.WORKER_KILLED: 0.008,
    Fault.WORKER_PAUSED: 0.02,
    Fault.MESSAGE_LOST: 0.06,
    Fault.MESSAGE_REPEATED: 0.1,
    Fault.MESSAGE_DELAYED: 0.06,
    Fault.QUEUE_SILENT: 0.04,
    Fault.LEDGER_SILENT: 0.01,
    Fault.STEP_REPEATED: 0.02,
    Fault.CALL_NOT_MADE: 0.03,
    Fault.ANSWER_LOST: 0.05,
    Fault.ANSWER_EMPTY: 0.06,
    Fault.STATUS_408: 0.01,
    Fault.STATUS_422: 0.02,
    Fault.STATUS_401: 0.02,
    Fault.STATUS_429: 0.03,
    Fault.STATUS_5XX: 0.06,
    Fault.LATE_5XX: 0.03,
    Fault.WEB_PAGE: 0.02,
    Fault.REDIRECT: 0.01,
    Fault.UNREADABLE: 0.02,
    Fault.TROUBLE_INSIDE: 0.01,
    Fault.REFUSED_INSIDE: 0.02,
    Fault.TAKEN_DOWN: 0.04,
    Fault.ANOTHERS_RECORD: 0.03,
    Fault.NOT_THERE_YET: 0.05,
    Fault.BLACKOUT: 0.3,
    Fault.CUSTOMER_CHANGED: 0.9,
    Fault.CUSTOMER_REMOVED: 0.1,
    Fault.MAPPING_FLIPPED: 0.1,
}
"""How often each happens when it can, in a world of middle luck."""

LUCKS = (0.0, 0.3, 1.0, 1.0, 4.0)
"""Each world multiplies each of the odds by one of these: some faults show only where others are absent."""


class Chance:
    """The dice of one world."""

    def __init__(self, seed: int, odds: Mapping[Fault, float] | None = None) -> None:
        """With `odds` of its own a world has no luck, and what is not in them never happens."""
        self.random = random.Random(seed)  # noqa: S311 - it must be the same again
        self.happened: Counter[Fault] = Counter()
        self.is_calm = False
        """Nothing goes wrong while it is."""
        drawn = {fault: each * self.random.choice(LUCKS) for fault, each in ODDS.items()}
        self._odds = drawn if odds is None else dict.fromkeys(ODDS, 0.0) | {**odds}

    def strikes(self, fault: Fault) -> bool:
        """Whether the fault happens now; it is counted."""
        if self.is_calm or self.random.random() >= self._odds[fault]:
            return False
        self.happened[fault] += 1
        return True

    def first(self, *faults: Fault) -> Fault | None:
        """The first of these that happens now."""
        return next((fault for fault in faults if self.strikes(fault)), None)
