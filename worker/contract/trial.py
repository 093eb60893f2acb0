"""The trial: does to a test customer what the worker does to customers, and judges each answer as it came."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from worker.contract.answers import id_of
from worker.contract.findings import Findings
from worker.contract.lists import NOT_FOUND, known, try_search
from worker.contract.subject import Subject, is_ours, state_of
from worker.contract.survey import Survey
from worker.contract.writes import try_create, try_create_again, try_read, try_update
from worker.http.body import MESSAGE_FIELDS
from worker.jobs.errors import SyncError

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.contract.exchange import Exchange

NO_CUSTOMER: Final = "0"
"""An id that no customer has."""


class NotTheAddress(Exception):
    """The store has a customer with this address whom no trial has made."""


class Trial:
    """One trial on one address of one store. It writes to the customer with that address, and to no other."""

    def __init__(self, exchange: Exchange, email: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.findings = Findings()
        self.has_written = False
        self._exchange = exchange
        self._subject = Subject(exchange, email, sleep)
        self._survey = Survey(self._subject, self.findings)

    @property
    def stamped_ids(self) -> list[str]:
        """The test customers that are in the store, as far as that is known."""
        return self._subject.ids

    @property
    def is_subscribed(self) -> bool | None:
        """The subscription state that they were left in; None if it is not known."""
        return self._survey.state

    @property
    def should_be_subscribed(self) -> bool:
        """The state that they should have been left in."""
        return self._survey.wanted

    def look(self) -> bool:
        """Whether the trial can go on, as nobody else has the address; nothing is written yet.

        Raises NotTheAddress, and StampedReadFailed if nothing can be read.
        """
        before = known(self._exchange, self._subject.email)
        if not all(map(is_ours, before.customers)):
            raise NotTheAddress
        self._subject.note(found for customer in before.customers if (found := id_of(customer)))
        self._survey.wanted = bool(before.customers) and all(map(state_of, before.customers))
        if not before.is_certain:
            self.findings.because = f"nothing is written: {before.seen}, so somebody may have the address"
            self.findings.judge("search.finds", before.seen, holds=False)
        return before.is_certain

    def run(self) -> None:
        """Make every call and judge it. However it ends, the subscription is then left as it was, or off.

        Raises what ends it before its time: StampedUnreachable, HostNotFound, StampedCredentialsRefused, and whatever
        the exchange's `before_call` raises.
        """
        subject, findings = self._subject, self.findings
        _try_error(self._exchange, findings)
        self.has_written = True
        try:
            if not try_create(subject, findings):
                return
            try_read(subject, findings)
            try_create_again(subject, findings)
            try_update(subject, findings)
            try_search(subject, findings)
            self._survey.run()
        finally:
            with suppress(SyncError):
                self._survey.end()


def _try_error(exchange: Exchange, findings: Findings) -> None:
    """Read a customer that does not exist: an error that changes nothing."""
    seen = exchange.read(NO_CUSTOMER)
    has_words = isinstance(seen.body, dict) and any(seen.body.get(name) for name in MESSAGE_FIELDS)
    findings.judge_answer("error.status", seen, holds=seen.status == NOT_FOUND)
    if seen.is_ok:
        findings.leave_open("error.body", f"no error comes: {seen.told}")
    else:
        findings.judge_answer("error.body", seen, holds=has_words)
