"""Follows jobs that were requested until each has ended, or rests for long, and shows what came of them."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from worker.cli.ending import ALL_WELL, FAILED, code_of
from worker.cli.holds import in_short
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind, State, pages
from worker.ledger.outcome import MISSING, Outcome, Records, has_ended, rests_long, subscription_version
from worker.presentation.figures import NO_WORKER, PATIENCE_SECONDS, seems_idle
from worker.presentation.times import local
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.ledger import Counts, Hold, Record
    from worker.presentation.screen import Screen

NOT_STARTED: Final = {State.QUEUED, State.SENT}
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 1.0
PAUSE_GROWTH: Final = 1.5
LINES_AT_MOST: Final = 20
"""Up to this number of jobs, each gets a line of its own; more are only counted."""


class Jobs(Records, Protocol):
    """What a follower needs of the ledger."""

    def counts(self, kind: Kind) -> Counts:
        """How many jobs of a kind there are in each state."""

    def hold_of(self, system_id: int) -> Hold | None:
        """The hold of one store, or None."""


class Follower:
    """Customer jobs of one connection, each at its requested version, with the subscription jobs behind them."""

    def __init__(self, ledger: Jobs, system_id: int, versions: dict[str, int]) -> None:
        self._ledger = ledger
        self._system_id = system_id
        self._open = {Kind.CUSTOMER: versions, Kind.SUBSCRIPTION: dict[str, int]()}
        """The versions that have not ended, by kind and customer id."""
        self._customers: dict[str, Outcome] = {}
        """What came of the customer jobs whose subscription job has not ended."""
        self._has_seen_work = False
        self._hold: Hold | None = None

    @property
    def remaining(self) -> int:
        """How many customers are still followed."""
        return sum(map(len, self._open.values()))

    def follow(
        self,
        note: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[list[Outcome]]:
        """Each customer's outcomes as soon as all are known: of its own job, then of its subscription job, if any.

        Notes once that no worker seems to run, and each time that the connection is found to be held.
        """
        pause, ask_at = FIRST_PAUSE_SECONDS, clock() + PATIENCE_SECONDS
        while True:
            before, was_held = self.remaining, self._hold is not None
            yield from self.look()
            if not self.remaining:
                return
            if self._hold and not was_held:
                note(f"Connection {self._system_id} is {in_short(self._hold)}. Its jobs wait.")
            if clock() >= ask_at:
                # Only once: between two jobs of a busy worker none runs either, and each question could meet that.
                ask_at = math.inf
                if not self._has_seen_work and seems_idle(map(self._ledger.counts, Kind)):
                    note(NO_WORKER)
            has_moved = self.remaining < before
            pause = FIRST_PAUSE_SECONDS if has_moved else min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
            sleep(pause)

    def look(self) -> Iterator[list[Outcome]]:
        """The outcomes of the customers that have ended since the last look."""
        self._hold = self._ledger.hold_of(self._system_id)
        for kind in Kind:
            for page in pages(tuple(self._open[kind])):
                jobs = [Job(kind, self._system_id, each) for each in page]
                records = self._ledger.records(jobs)
                for job, record in zip(jobs, records, strict=True):
                    yield from self._ended(job, record)
                has_started = not all(record and record.state in NOT_STARTED for record in records)
                self._has_seen_work |= has_started
                if kind is Kind.CUSTOMER and not has_started:
                    break  # They were asked for in this order and start in it: those behind have not started either.

    def _ended(self, job: Job, record: Record | None) -> Iterator[list[Outcome]]:
        """The customer's outcomes, if this job is the last of it to end."""
        versions, customer_id = self._open[job.kind], job.customer_id
        if not (has_ended(record, versions[customer_id]) or rests_long(record, self._hold)):
            return
        del versions[customer_id]
        outcome = Outcome.of(job, record, self._hold)
        if version := subscription_version(record):
            self._open[Kind.SUBSCRIPTION][customer_id] = version
            self._customers[customer_id] = outcome
        elif customer := self._customers.pop(customer_id, None):
            yield [customer, outcome]
        else:
            yield [outcome]


@dataclass
class Summary:
    """Counts outcomes, and keeps the single ones while they are few."""

    customers: int = 0
    _counts: Counter[tuple[str, bool, str, str]] = field(default_factory=Counter)
    """Jobs by kind, whether they are not done, name of their outcome, and error code."""
    _first: list[Outcome] = field(default_factory=list)
    """One more than get a line of their own, at most."""

    def add(self, outcomes: list[Outcome]) -> None:
        """Count the outcomes of one customer."""
        self.customers += 1
        self._first.extend(outcomes[: LINES_AT_MOST + 1 - len(self._first)])
        for outcome in outcomes:
            code = outcome.failure.code if outcome.failure else ""
            self._counts[outcome.job.kind.value, outcome.state != State.DONE, outcome.name, code] += 1

    @property
    def exit_code(self) -> int:
        """0 if all is done; 2 if the configuration is to blame for any job that is not; else 1."""
        is_all_done = not any(is_undone for _, is_undone, _, _ in self._counts)
        return ALL_WELL if is_all_done else max(FAILED, code_of(self._failures))

    def show(self, screen: Screen) -> None:
        """A line for each of a few jobs, the table of outcomes, and for each error its cause and resolution."""
        if len(self._first) <= LINES_AT_MOST:
            for outcome in self._first:
                screen.line(_line(outcome), None if outcome.state == State.DONE else "red")
            screen.line()
        screen.heading(counted(self.customers, "customer"))
        screen.table(["Job", "Outcome", "Count", "Error"], self._rows, numbers=["Count"])
        for failure in self._failures:
            screen.section(failure.headline)
            screen.entry(failure.entry)

    @property
    def _failures(self) -> list[Failure]:
        """The errors, the most frequent first."""
        codes: Counter[str] = Counter()
        for (_, _, _, code), count in self._counts.items():
            codes[code] += count
        return [Failure(code) for code, _ in codes.most_common() if code]

    @property
    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        """The lines of the table: of each kind those that are done, then the others, the most frequent first."""
        for (kind, _, name, code), count in sorted(self._counts.items(), key=lambda item: (item[0][:2], -item[1])):
            missing = "not in the ledger any more" if name == MISSING else ""
            yield kind, name, f"{count:,}", Failure(code).headline if code else missing


def _line(outcome: Outcome) -> str:
    failure = outcome.failure
    if failure:
        status = f"HTTP {failure.http_status}" if failure.http_status else ""
        due = f", next try at {local(outcome.due)}" if outcome.due else ""
        result = ": ".join(filter(None, [failure.code, status, failure.detail])) + due
    else:
        result = f"Stamped.io {outcome.stamped_id}" if outcome.stamped_id else ""
    return f"{outcome.job.customer_id:<11} {outcome.job.kind:<14}{outcome.name:<14}{result}".rstrip()
