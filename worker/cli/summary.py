"""The table of outcomes at the end of a Manual Sync."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from worker.cli.ending import ALL_WELL, FAILED, code_of
from worker.cli.outcome import MISSING, titled
from worker.jobs.catalogue import Failure
from worker.jobs.job import State
from worker.presentation.screen import counted
from worker.presentation.times import local

if TYPE_CHECKING:
    from worker.cli.outcome import Outcome
    from worker.presentation.screen import Screen

LINES_AT_MOST: Final = 20
"""So many jobs get a line each; more are counted alone."""


@dataclass
class Summary:
    """Counts outcomes; keeps single ones while they are few."""

    customers: int = 0
    jobs: int = 0
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Jobs that are done, by kind and action."""
    errors: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """The others, by kind, state and error code."""
    _few: list[Outcome] = field(default_factory=list)

    def add(self, outcomes: list[Outcome]) -> None:
        """Count the outcomes of one customer."""
        self.customers += 1
        self.jobs += len(outcomes)
        self._few.extend(outcomes[: LINES_AT_MOST - len(self._few)])
        for outcome in outcomes:
            kind = outcome.job.kind.value
            if outcome.state == State.DONE:
                self.actions[kind, outcome.action or ""] += 1
            else:
                self.errors[kind, outcome.state, outcome.failure.code if outcome.failure else ""] += 1

    @property
    def codes(self) -> list[str]:
        """The error codes, the most frequent first."""
        codes: Counter[str] = Counter()
        for (_, _, code), count in self.errors.items():
            codes[code] += count
        return [code for code, _ in codes.most_common() if code]

    @property
    def exit_code(self) -> int:
        """0 if all is done; 2 where the configuration is to blame for any job that is not; else 1."""
        if not self.errors:
            return ALL_WELL
        return max(FAILED, code_of(map(Failure, self.codes)))

    def show(self, screen: Screen) -> None:
        """A line for each of a few jobs, the table of outcomes, and for each error its cause and resolution."""
        if self.jobs <= LINES_AT_MOST:
            for outcome in self._few:
                screen.line(_line(outcome), None if outcome.state == State.DONE else "red")
            screen.line()
        self._show_table(screen)
        for code in self.codes:
            failure = Failure(code)
            screen.line()
            screen.heading(titled(failure))
            screen.entry(failure.entry)

    def _show_table(self, screen: Screen) -> None:
        rows = [(kind, action, f"{count:,}", "") for (kind, action), count in self.actions.most_common()]
        for (kind, state, code), count in self.errors.most_common():
            rows.append((kind, state, f"{count:,}", _titled(state, code)))
        screen.heading(counted(self.customers, "customer"))
        screen.table(["Job", "Outcome", "Count", "Error"], sorted(rows, key=lambda row: row[0]), numbers=["Count"])


def _titled(state: str, code: str) -> str:
    if code:
        return titled(Failure(code))
    return "not in the ledger any more" if state == MISSING else ""


def _line(outcome: Outcome) -> str:
    told = f"{outcome.job.customer_id:<12}{outcome.job.kind:<14}{outcome.action or outcome.state:<14}"
    if outcome.failure:
        due = f", next try at {local(outcome.due)}" if outcome.due else ""
        return f"{told}{_in_short(outcome.failure)}{due}"
    return f"{told}{f'Stamped.io {outcome.stamped_id}' if outcome.stamped_id else ''}".rstrip()


def _in_short(failure: Failure) -> str:
    status = f"HTTP {failure.http_status}" if failure.http_status else ""
    return ": ".join(filter(None, [failure.code, status, failure.detail]))
