"""What a trial has found out about each assumption."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.contract.assumptions import ASSUMPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.contract.assumptions import Assumption
    from worker.contract.exchange import Seen


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
    """The findings of one trial. What it never came to could not be shown."""

    because: str = "the trial ended before it"
    """Why what is not judged by now could not be shown."""
    _verdicts: dict[str, tuple[Verdict, str]] = field(default_factory=dict)

    def judge(self, key: str, seen: str, *, holds: bool) -> None:
        """Say whether an assumption holds, and what was seen if it does not."""
        self._verdicts[key] = (Verdict.HOLDS, "") if holds else (Verdict.FAILS, seen)

    def judge_answer(self, key: str, answer: Seen, more: str = "", *, holds: bool) -> None:
        """The same, from an answer; one that says only that Stamped.io is busy or down shows nothing."""
        seen = f"it is answered {answer.told}{f'; {more}' if more else ''}"
        if answer.is_passing and not holds:
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
