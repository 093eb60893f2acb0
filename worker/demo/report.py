"""What a demonstration shows, on a terminal and elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from worker.jobs.catalogue import CATALOGUE
from worker.presentation.screen import Screen
from worker.presentation.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.demo.audit import Result, Tally
    from worker.demo.stage import Stage
    from worker.local.child import Child

QUIET_SECONDS = 2
"""The time between two lines of progress if there is no terminal."""
PARTS = "Valkey, the sandbox, a worker, beat and Flower"


class Report(Screen):
    """Shows on standard output what is done, and on standard error what went wrong."""

    def opening(self, customers: int) -> None:
        """Say what is going to happen."""
        self.heading(f"This transfers {customers} sample customers from a sandbox of iPaaS.com to one of Stamped.io.")
        self.line()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Show that the parts are starting, and then that they run."""
        with self.busy(f"Starting {PARTS}"):
            yield
        self.mark(f"{PARTS} are running", is_good=True)
        self.line()

    @contextmanager
    def following(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """Show progress: the yielded function takes how many of `total` have settled, and how many wait for a retry."""
        if isinstance(self._out, Terminal):
            with _bar(self._out) as bar:
                task = bar.add_task(title, total=total, waiting="")
                yield lambda settled, waiting: bar.update(task, completed=settled, waiting=_waiting(waiting))
        else:
            yield self._lines(title, total)

    def summary(self, result: Result) -> None:
        """Show the outcome, and whether the sandbox holds the same."""
        self.section(f"{'':<26}{'First load':>10}{'Changes':>10}")
        for line in _table(result.first, result.changed, len(result.refusals)):
            self.line(line)
        self._errors(
            Counter(result.first.failed.values()),
            "jobs failed" if result.mismatches else "jobs failed, as expected: the sample data has errors on purpose",
        )
        self._errors(
            Counter(refusal.code for refusal in result.refusals),
            "triggers refused, as expected: the demo sends them for that",
        )
        self.section("Calls that the sandbox let fail, and that succeeded in a retry")
        for status, count in result.faults.items():
            self.line(f"{count:>5}  {f'HTTP {status}' if status else 'connection cut'}")
        self._verdict(result)

    def kept(self, stage: Stage) -> None:
        """Show where to find everything that keeps running."""
        login = f"{stage.login.user} / {stage.login.password.get_secret_value()}"
        lines = [
            "",
            "Everything keeps running until you press Ctrl-C.",
            "",
            f"  Flower    http://127.0.0.1:{stage.flower_port}   login {login}",
            f"  Sandbox   {stage.sandbox.url}   its state is at /sandbox/state",
            f"  Logs      {stage.folder}",
            "",
            "To use other commands, such as `stamped-sync status`, paste this into another terminal:",
            "",
            f"export STAMPED_SYNC_REDIS_URL={stage.redis_url}",
            f"export STAMPED_SYNC_CONNECTIONS={stage.connections}",
        ]
        for line in lines:
            self.line(line)

    def failed(self, problem: str, child: Child | None = None) -> None:
        """Say why the demonstration could not go on, and show the end of the log of the part to blame."""
        self.error(f"The demo failed: {problem}")
        if child and (lines := child.last_lines()):
            for line in ["", f"The end of {child.name}.log:", "", *lines.splitlines()]:
                self.note(line)

    def _lines(self, title: str, total: int) -> Callable[[int, int], None]:
        """Show a line every few seconds, and one at the end."""
        shown_at = time.monotonic()

        def show(settled: int, waiting: int) -> None:
            nonlocal shown_at
            if settled == total or time.monotonic() - shown_at > QUIET_SECONDS:
                shown_at = time.monotonic()
                self.line(" ".join(filter(None, [f"{title}: {settled} of {total}", _waiting(waiting)])))

        return show

    def _errors(self, codes: Counter[str], heading: str) -> None:
        if not codes:
            return
        self.section(f"{codes.total()} {heading}")
        for code, count in codes.items():
            entry = CATALOGUE[code]
            self.line(f"{count:>5}  {entry.title} ({code})")
            self.entry(entry, indent=7)

    def _verdict(self, result: Result) -> None:
        held, linked = result.audit.stamped, result.audit.linked
        if result.mismatches:
            self.error("The summary does not agree with what the sandbox holds:")
            for mismatch in result.mismatches:
                self.note(f"  {mismatch}")
            return
        self.line()
        self.mark(f"Stamped.io holds {held} customers, every one linked", is_good=True)
        if linked > held:
            self.line(f"  {linked} customers of iPaaS.com are linked to them: some share an e-mail address")


def _table(first: Tally, changed: Tally, refused: int) -> Iterator[str]:
    rows = [
        ("Customers created", first.customers["created"], changed.customers["created"]),
        ("Customers updated", first.customers["updated"], changed.customers["updated"]),
        ("Customers failed", first.customers_failed, changed.customers_failed),
        ("Subscriptions left alone", first.subscriptions["unchanged"], changed.subscriptions["unchanged"]),
        ("Subscribed", first.subscriptions["subscribed"], changed.subscriptions["subscribed"]),
        ("Unsubscribed", first.subscriptions["unsubscribed"], changed.subscriptions["unsubscribed"]),
        ("Triggers refused", refused, 0),
    ]
    return (f"{title:<26}{before:>10}{after:>10}" for title, before, after in rows)


def _waiting(count: int) -> str:
    return f"({count} waiting for a retry)" if count else ""


def _bar(terminal: Terminal) -> Progress:
    columns = TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, TextColumn("{task.fields[waiting]}"), console=terminal.console)
