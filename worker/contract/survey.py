"""Tries to subscribe and to unsubscribe the test customer, and leaves it in the state that is safe for consent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.contract.subject import state_of
from worker.stamped.answers import STATE
from worker.stamped.client import SURVEY_EMAIL

if TYPE_CHECKING:
    from worker.contract.exchange import Seen
    from worker.contract.findings import Findings
    from worker.contract.subject import Subject

OTHER: Final = "customerEmail"
"""The name that the loyalty calls have."""
NAMES: Final = (SURVEY_EMAIL, OTHER)
WORDS: Final = {True: "true", False: "false", None: "unknown"}


@dataclass
class Survey:
    """The subscription state of the test customer, and what it is to be in the end."""

    subject: Subject
    findings: Findings
    wanted: bool = False
    """The state that a customer of an earlier trial began with; a new customer is left unsubscribed."""
    state: bool | None = None
    """The state that was seen last; None if it cannot be read."""

    def run(self) -> None:
        """Try both calls, the one that changes the state first; then both states are gone through."""
        before = self._seen()
        first = not before if before is not None else False
        self._try(wanted=first)
        self._try(wanted=not first)

    def end(self) -> None:
        """Leave the customer in the state that is wanted."""
        for name in NAMES:
            if self.state is not self.wanted:
                self._call(name, wanted=self.wanted)
                self._reached(wanted=self.wanted)

    def _try(self, *, wanted: bool) -> None:
        key = "survey.subscribe" if wanted else "survey.unsubscribe"
        before = self._seen()
        answer = self._call(SURVEY_EMAIL, wanted=wanted)
        after = self._reached(wanted=wanted)
        if not answer.is_ok:
            hint = "" if answer.is_passing else self._hint(wanted=wanted)
            self.findings.judge_answer(key, answer, hint, holds=False)
        elif before is None or after is None:
            self.findings.leave_open(key, f"it is accepted, and `{STATE}` of the customer cannot be read")
        elif after is not wanted and len(self.subject.ids) > 1:
            self.findings.leave_open(
                key, f"it is accepted, and may have changed another of {len(self.subject.ids)} customers"
            )
        elif after is not wanted:
            seen = f"it is accepted with {answer.told}, and `{STATE}` stays {WORDS[after]}"
            self.findings.judge(key, "; ".join(filter(None, [seen, self._hint(wanted=wanted)])), holds=False)
        elif before is wanted:
            self.findings.leave_open(key, f"it is accepted, and `{STATE}` was {WORDS[wanted]} before")
        else:
            self.findings.judge(key, "", holds=True)

    def _hint(self, *, wanted: bool) -> str:
        """Whether the call does its work with the other name."""
        is_taken = self._call(OTHER, wanted=wanted).is_ok and self._reached(wanted=wanted) in {wanted, None}
        return f"with `{OTHER}` it is accepted" if is_taken else ""

    def _call(self, name: str, *, wanted: bool) -> Seen:
        self.state = None  # whatever happens to the call, what was seen before it is no longer known
        exchange = self.subject.exchange
        return (exchange.subscribe if wanted else exchange.unsubscribe)(name, self.subject.email)

    def _reached(self, *, wanted: bool) -> bool | None:
        """The state, once it is the wanted one, or as it is in the end."""
        self.subject.eventually(lambda: self._seen() in {wanted, None})
        return self.state

    def _seen(self) -> bool | None:
        """Whether any customer with the address is subscribed; None if that cannot be read."""
        states = {state_of(self.subject.read(each)) for each in self.subject.ids}
        self.state = True if True in states else (False if states == {False} else None)
        return self.state
