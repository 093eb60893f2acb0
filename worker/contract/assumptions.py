"""The assumptions about Stamped.io's API, with the line of code that corrects each, and what a trial finds of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.contract.shapes import in_words, is_passing
from worker.mapping.rows import WIRE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.http.answers import Answer

ROOT = Path(__file__).parents[2]
"""The folder that holds the package, installed or not."""


@dataclass(frozen=True)
class Assumption:
    """One thing that is assumed, and where the code relies on it."""

    key: str
    says: str
    file: str
    """The file in the package, from the folder that holds it."""
    anchor: str
    """A piece of the line that is to be corrected."""

    @cached_property
    def place(self) -> str:
        """File and line; the file alone if it has changed so much that the line is not found."""
        lines = (ROOT / self.file).read_text(encoding="utf-8").splitlines()
        found = next((number for number, line in enumerate(lines, start=1) if self.anchor in line), None)
        return f"{self.file}:{found}" if found else self.file


ROWS, STAMPED, ANSWERS = "worker/mapping/rows.py", "worker/stamped/client.py", "worker/stamped/answers.py"
JOBS, OUTCOME, BODY = "worker/jobs/job.py", "worker/http/call_outcome.py", "worker/http/body.py"

ASSUMPTIONS: Final = (
    *(Assumption(f"write.{name}", f"A write takes `{name}`", ROWS, f'"{name}"') for name in WIRE_NAMES.values()),
    Assumption("create.answer", "A create answers with the customer", BODY, "ENVELOPES:"),
    Assumption("create.id", "The customer's id is in that answer, as `id` or `customerId`", ANSWERS, '"customerId"'),
    Assumption(
        "create.match", "A create with a known e-mail address answers with its customer", STAMPED, "def create("
    ),
    Assumption("create.update", "A create with a known e-mail address updates its customer", STAMPED, "def create("),
    Assumption("read.answer", "A read answers with the customer that was asked for", ANSWERS, "def customer_in("),
    Assumption("read.id", "The customer's id is a number", JOBS, "STAMPED_ID ="),
    Assumption("read.subscribed", "`isSubscribed` of a customer is a boolean", ANSWERS, "STATE ="),
    Assumption("update.sent", "An update changes the fields that it is sent", STAMPED, "def update("),
    Assumption("update.others", "An update leaves the other fields as they are", STAMPED, "def update("),
    Assumption("list.answer", "A list holds the customers where they are looked for", BODY, "LISTS:"),
    Assumption("search.finds", "`search` finds a customer by the e-mail address", STAMPED, "SEARCH:"),
    Assumption("search.only", "`search` finds nobody by an address that nobody has", STAMPED, "SEARCH:"),
    Assumption("page.first", "`page` counts from 1", STAMPED, "PAGE:"),
    Assumption("survey.subscribe", "`survey/subscribe` takes `email`, and subscribes", STAMPED, "SURVEY_EMAIL:"),
    Assumption("survey.unsubscribe", "`survey/unsubscribe` takes `email`, and unsubscribes", STAMPED, "SURVEY_EMAIL:"),
    Assumption("error.status", "A read of a customer that does not exist answers 404", OUTCOME, "REFUSED, NOT_FOUND"),
    Assumption(
        "error.body", "An error has its words in `message`, `error`, `errors` or `title`", BODY, "MESSAGE_FIELDS"
    ),
)


class Verdict(StrEnum):
    """What is found out about an assumption."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "could not be shown"


@dataclass(frozen=True)
class Judgement:
    """One assumption, the verdict on it, and what was seen: names and types, and no value."""

    assumption: Assumption
    verdict: Verdict
    seen: str = ""


@dataclass
class Findings:
    """The findings of one trial. Whatever it did not reach could not be shown."""

    because: str = "the trial ended before it"
    """Why the assumptions without a verdict could not be shown."""
    _verdicts: dict[str, tuple[Verdict, str]] = field(default_factory=dict)

    def judge(self, key: str, seen: str, *, holds: bool) -> None:
        """Say whether an assumption holds, and what was seen if it does not."""
        self._verdicts[key] = (Verdict.HOLDS, "") if holds else (Verdict.FAILS, seen)

    def judge_answer(self, key: str, answer: Answer, more: str = "", *, holds: bool) -> None:
        """Say the same by an answer; one that only says that Stamped.io is busy or down shows nothing."""
        seen = f"it is answered {in_words(answer)}{f'; {more}' if more else ''}"
        if is_passing(answer) and not holds:
            self.leave_open(key, seen)
        else:
            self.judge(key, seen, holds=holds)

    def leave_open(self, key: str, why: str) -> None:
        """Say why an assumption could not be shown."""
        self._verdicts[key] = Verdict.OPEN, why

    def __iter__(self) -> Iterator[Judgement]:
        for assumption in ASSUMPTIONS:
            verdict, seen = self._verdicts.get(assumption.key, (Verdict.OPEN, self.because))
            yield Judgement(assumption, verdict, seen)

    def count(self, verdict: Verdict) -> int:
        """How many assumptions have this verdict."""
        return sum(finding.verdict is verdict for finding in self)

    @property
    def all_hold(self) -> bool:
        """Whether every assumption holds."""
        return self.count(Verdict.HOLDS) == len(ASSUMPTIONS)
