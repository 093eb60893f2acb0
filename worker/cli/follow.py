"""Follows jobs that were requested until each has ended, or rests for long, and shows what came of them."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from worker.cli.exit_codes import ALL_WELL, FAILED
from worker.cli.explaining import code_of
from worker.cli.holds import in_short
from worker.cli.outcome import titled
from worker.jobs.catalogue import Failure
from worker.jobs.job import Job, Kind, State
from worker.jobs.pages import pages
from worker.ledger.outcome import MISSING, Outcome, Records, has_ended, rests_long, subscription_version
from worker.presentation.idle import NO_WORKER, PATIENCE_SECONDS, Counted, seems_idle
from worker.presentation.screen import counted
from worker.presentation.times import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.ledger import Hold, Record
    from worker.presentation.screen import Screen

NOT_STARTED: Final = {State.QUEUED, State.SENT}
FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 1.0
PAUSE_GROWTH: Final = 1.5
LINES_AT_MOST: Final = 20
"""Up to this number of jobs, each gets a line of its own; more are only counted."""


class Jobs(Records, Counted, Protocol):
    """What a follower needs of the ledger."""

    def hold_of(self, system_id: int) -> Hold | None:
        """The hold of one store, or None."""


class Follower:
    """Customer jobs of one connection, each at its requested version, with the subscription jobs behind them."""

    def __init__(self, ledger: Jobs, system_id: int, versions: dict[str, int]) -> None:
        self._ledger = ledger
        self._system_id = system_id
        self._open = {Kind.CUSTOMER: versions, Kind.SUBSCRIPTION: dict[str, int]()}
        """The versions that have not ended, by kind and customer id."""
        self._outcomes: dict[str, list[Outcome]] = {}
        """What came of the customer jobs whose subscription job has not ended."""
        self._has_seen_work = False
        self.hold: Hold | None = None
        """The hold of the connection, at the last look."""

    @property
    def remaining(self) -> int:
        """How many customers are still followed."""
        return sum(map(len, self._open.values()))

    def seems_idle(self) -> bool:
        """Whether none of the jobs was ever seen to start, and no worker seems to run."""
        return not self._has_seen_work and seems_idle(self._ledger)

    def look(self) -> Iterator[list[Outcome]]:
        """The customers that have ended since the last look: each one's job, then its subscription job, if any."""
        self.hold = self._ledger.hold_of(self._system_id)
        for kind in Kind:
            for page in pages(tuple(self._open[kind])):
                jobs = [Job(kind, self._system_id, each) for each in page]
                records = self._ledger.records(jobs)
                for job, record in zip(jobs, records, strict=True):
                    yield from self._ended(job, record)
                if all(record and record.state in NOT_STARTED for record in records):
                    break  # The queue is first in, first out: those behind have not started either.
                self._has_seen_work = True

    def _ended(self, job: Job, record: Record | None) -> Iterator[list[Outcome]]:
        """The customer's outcomes, if this job is the last of it to end."""
        versions, customer_id = self._open[job.kind], job.customer_id
        if not (has_ended(record, versions[customer_id]) or rests_long(record, self.hold)):
            return
        del versions[customer_id]
        outcomes = [*self._outcomes.pop(customer_id, ()), Outcome.of(job, record, self.hold)]
        if version := subscription_version(record):
            self._open[Kind.SUBSCRIPTION][customer_id] = version
            self._outcomes[customer_id] = outcomes
        else:
            yield outcomes


def follow(
    follower: Follower,
    note: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[Outcome]]:
    """Each customer's outcomes as soon as all are known.

    Notes once that no worker seems to run, and each time that the connection is found to be held.
    """
    is_held, pause, ask_at = False, FIRST_PAUSE_SECONDS, clock() + PATIENCE_SECONDS
    while True:
        before = follower.remaining
        yield from follower.look()
        if not follower.remaining:
            return
        if follower.hold and not is_held:
            note(f"Connection {follower.hold.system_id} is {in_short(follower.hold)}. Its jobs wait.")
        is_held = follower.hold is not None
        if clock() >= ask_at:
            # Only once: between two jobs of a busy worker none runs either, and each question could meet that.
            ask_at = math.inf
            if follower.seems_idle():
                note(NO_WORKER)
        has_moved = follower.remaining < before
        pause = FIRST_PAUSE_SECONDS if has_moved else min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
        sleep(pause)


@dataclass
class Summary:
    """Counts outcomes, and keeps the single ones while they are few."""

    customers: int = 0
    _jobs: int = 0
    _actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Jobs that are done, by kind and action."""
    _errors: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """The others, by kind, state and error code."""
    _few: list[Outcome] = field(default_factory=list)

    def add(self, outcomes: list[Outcome]) -> None:
        """Count the outcomes of one customer."""
        self.customers += 1
        self._jobs += len(outcomes)
        self._few.extend(outcomes[: LINES_AT_MOST - len(self._few)])
        for outcome in outcomes:
            kind = outcome.job.kind.value
            if outcome.state == State.DONE:
                self._actions[kind, outcome.name] += 1
            else:
                self._errors[kind, outcome.state, outcome.failure.code if outcome.failure else ""] += 1

    @property
    def exit_code(self) -> int:
        """0 if all is done; 2 if the configuration is to blame for any job that is not; else 1."""
        return max(FAILED, code_of(self._failures)) if self._errors else ALL_WELL

    def show(self, screen: Screen) -> None:
        """A line for each of a few jobs, the table of outcomes, and for each error its cause and resolution."""
        if self._jobs <= LINES_AT_MOST:
            for outcome in self._few:
                screen.line(_line(outcome), None if outcome.state == State.DONE else "red")
            screen.line()
        self._show_table(screen)
        for failure in self._failures:
            screen.line()
            screen.heading(titled(failure))
            screen.entry(failure.entry)

    @property
    def _failures(self) -> list[Failure]:
        """The errors, the most frequent first."""
        codes: Counter[str] = Counter()
        for (_, _, code), count in self._errors.items():
            codes[code] += count
        return [Failure(code) for code, _ in codes.most_common() if code]

    def _show_table(self, screen: Screen) -> None:
        rows = [(kind, action, f"{count:,}", "") for (kind, action), count in self._actions.most_common()]
        for (kind, state, code), count in self._errors.most_common():
            missing = "not in the ledger any more" if state == MISSING else ""
            rows.append((kind, state, f"{count:,}", titled(Failure(code)) if code else missing))
        screen.heading(counted(self.customers, "customer"))
        screen.table(["Job", "Outcome", "Count", "Error"], sorted(rows, key=lambda row: row[0]), numbers=["Count"])


def _line(outcome: Outcome) -> str:
    failure = outcome.failure
    if failure:
        status = f"HTTP {failure.http_status}" if failure.http_status else ""
        due = f", next try at {local(outcome.due)}" if outcome.due else ""
        result = ": ".join(filter(None, [failure.code, status, failure.detail])) + due
    else:
        result = f"Stamped.io {outcome.stamped_id}" if outcome.stamped_id else ""
    return f"{outcome.job.customer_id:<12}{outcome.job.kind:<14}{outcome.name:<14}{result}".rstrip()
