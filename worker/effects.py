"""The side effects of the software, declared in one place.

Each change that outlives this process, in the ledger (with the messages that it sends) or in one of the two APIs, is
named here, and a witness is called before and after it. In production the witness does nothing. In the tests it kills
the worker before and after each of these effects; the tests fail if an effect is added that they never see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Effect(StrEnum):
    """One kind of side effect. Those of the ledger have the name of their script."""

    REQUEST = "request"
    CLAIM = "claim"
    RENEW = "renew"
    COMPLETE = "complete"
    DEFER = "defer"
    FAIL = "fail"
    HOLD = "hold"
    HOLD_STORE = "hold_store"
    PUT_BACK = "put_back"
    LEAVE = "leave"
    SWEEP = "sweep"
    ADMIT = "admit"
    RELEASE = "release"
    PAUSE = "pause"
    RESUME = "resume"
    BOOK = "book"
    RETRY_FAILED = "retry_failed"
    DISCARD = "discard"
    REFUSE = "refuse"
    NOTE_CHANGE = "note_change"
    ACKNOWLEDGE = "acknowledge"
    DISMISS = "dismiss"
    FORGET_EVENTS = "forget_events"
    IS_DUE = "is_due"
    NOTE_PROCESS = "note_process"
    REPAIR_ROWS = "repair_rows"
    REPAIR_PLACES = "repair_places"
    REPAIR_STORE = "repair_store"
    BEGIN_INITIALIZE = "begin_initialize"
    BEGIN_CATCH_UP = "begin_catch_up"
    ADVANCE_INITIALIZE = "advance_initialize"
    CREATE_CUSTOMER = "create_customer"
    UPDATE_CUSTOMER = "update_customer"
    RECORD_LINK = "record_link"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"


class Moment(StrEnum):
    """When a witness is called."""

    BEFORE = "before"
    AFTER = "after"


Witness = Callable[[Effect, Moment], None]
"""Called just before and just after each side effect; not after one that raises."""


def nobody(effect: Effect, moment: Moment) -> None:
    """The witness of production: it does nothing."""


@contextmanager
def witnessed(witness: Witness, effect: Effect) -> Iterator[None]:
    """Call `witness` before and after the block, which has this effect."""
    witness(effect, Moment.BEFORE)
    yield
    witness(effect, Moment.AFTER)
