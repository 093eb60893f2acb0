"""The trial: does to a test customer what the worker does to customers, and judges each answer as it came."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.contract.lists import known, try_search
from worker.contract.shapes import id_of, in_words, is_ok, is_passing
from worker.contract.subject import Subject, is_ours, state_of
from worker.contract.writes import try_create, try_create_again, try_read, try_update
from worker.http.body import MESSAGE_FIELDS
from worker.http.call_outcome import NOT_FOUND
from worker.jobs.errors import SyncError
from worker.stamped.answers import STATE
from worker.stamped.client import SURVEY_EMAIL

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.contract.subject import Exchange
    from worker.http.answers import Answer

NO_CUSTOMER: Final = "0"
"""An id that no customer has."""
OTHER: Final = "customerEmail"
"""What the loyalty calls name the address; perhaps the survey calls do too."""


class NotTheAddress(Exception):
    """The store has a customer with this address whom no trial has made."""


class Trial:
    """One trial on one address of one store. It writes to the customer with that address, and to no other."""

    def __init__(self, exchange: Exchange, email: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.has_written = False
        self.subject = Subject(exchange, email, sleep)
        self.findings = self.subject.findings
        self.survey = Survey(self.subject)

    def look(self) -> bool:
        """Whether the trial can go on, as nobody else has the address; nothing is written yet.

        Raises NotTheAddress, and StampedReadFailed if nothing can be read.
        """
        customers, doubt = known(self.subject.exchange, self.subject.email)
        if not all(map(is_ours, customers)):
            raise NotTheAddress
        self.subject.note(found for customer in customers if (found := id_of(customer)))
        self.survey.wanted = bool(customers) and all(map(state_of, customers))
        if doubt:
            self.findings.because = f"nothing is written: {doubt}, so somebody may have the address"
            self.findings.judge("search.finds", doubt, holds=False)
        return not doubt

    def run(self) -> None:
        """Make every call and judge it. However it ends, the subscription is then left as it was, or off.

        Raises what ends it early: StampedUnreachable, HostNotFound, StampedCredentialsRefused, and whatever
        the exchange's `before_call` raises.
        """
        subject = self.subject
        _try_error(subject)
        self.has_written = True
        try:
            if not try_create(subject):
                return
            try_read(subject)
            try_create_again(subject)
            try_update(subject)
            try_search(subject)
            self.survey.run()
        finally:
            with suppress(SyncError):
                self.survey.end()


def _try_error(subject: Subject) -> None:
    """Read a customer that does not exist: an error that changes nothing."""
    seen = subject.exchange.read(NO_CUSTOMER)
    has_words = isinstance(seen.body, dict) and any(seen.body.get(name) for name in MESSAGE_FIELDS)
    subject.findings.judge_answer("error.status", seen, holds=seen.status == NOT_FOUND)
    if is_ok(seen):
        subject.findings.leave_open("error.body", f"no error comes: {in_words(seen)}")
    else:
        subject.findings.judge_answer("error.body", seen, holds=has_words)


@dataclass
class Survey:
    """Subscribes and unsubscribes the test customer, and leaves it in the state that is safe for consent."""

    subject: Subject
    wanted: bool = False
    """The state that a customer of an earlier trial began with; a new customer is left unsubscribed."""
    state: bool | None = None
    """The state that was seen last; None if it cannot be read."""

    def run(self) -> None:
        """Try both calls, first the one that changes the state; the customer has been in both states then."""
        first = self._seen() is False
        self._try(wanted=first)
        self._try(wanted=not first)

    def end(self) -> None:
        """Leave the customer in the state that is wanted."""
        for name in (SURVEY_EMAIL, OTHER):
            if self.state is not self.wanted:
                self._call(name, wanted=self.wanted)
                self._reached(wanted=self.wanted)

    def _try(self, *, wanted: bool) -> None:
        key = "survey.subscribe" if wanted else "survey.unsubscribe"
        before = self._seen()
        answer = self._call(SURVEY_EMAIL, wanted=wanted)
        after = self._reached(wanted=wanted)
        if not is_ok(answer):
            hint = "" if is_passing(answer) else self._hint(wanted=wanted)
            self.subject.findings.judge_answer(key, answer, hint, holds=False)
        elif before is None or after is None:
            self.subject.findings.leave_open(key, f"it is accepted, and `{STATE}` of the customer cannot be read")
        elif after is not wanted and len(self.subject.ids) > 1:
            seen = f"it is accepted, and may have changed another of {len(self.subject.ids)} customers"
            self.subject.findings.leave_open(key, seen)
        elif after is not wanted:
            seen = f"it is accepted with {in_words(answer)}, and `{STATE}` stays {str(after).lower()}"
            self.subject.findings.judge(key, "; ".join(filter(None, [seen, self._hint(wanted=wanted)])), holds=False)
        elif before is wanted:
            self.subject.findings.leave_open(key, f"it is accepted, and `{STATE}` was {str(wanted).lower()} before")
        else:
            self.subject.findings.judge(key, "", holds=True)

    def _hint(self, *, wanted: bool) -> str:
        """What to add if the call works with the other name; empty if it does not."""
        is_taken = is_ok(self._call(OTHER, wanted=wanted)) and self._reached(wanted=wanted) in {wanted, None}
        return f"with `{OTHER}` it is accepted" if is_taken else ""

    def _call(self, name: str, *, wanted: bool) -> Answer:
        self.state = None  # whatever happens to the call, what was seen before it is no longer known
        return self.subject.exchange.set_subscription(name, self.subject.email, wanted=wanted)

    def _reached(self, *, wanted: bool) -> bool | None:
        """The state, once it is the wanted one, or as it is in the end."""
        self.subject.eventually(lambda: self._seen() in {wanted, None})
        return self.state

    def _seen(self) -> bool | None:
        """Whether any customer with the address is subscribed; None if that cannot be read."""
        states = {state_of(self.subject.read(each)) for each in self.subject.ids}
        self.state = True if True in states else (False if states == {False} else None)
        return self.state
