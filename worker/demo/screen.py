"""What a demonstration shows, on a terminal and elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from worker.errors import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.demo.outcome import Outcome
    from worker.demo.stage import Stage
    from worker.demo.tally import Tally
    from worker.embedded.child import Child

QUIET_SECONDS = 2
"""Between two lines of progress where there is no terminal."""
INDENT = " " * 7
WIDEST = 88
"""Longer lines of prose are hard to read."""


class Screen:
    """Standard output for what is done, standard error for what went wrong."""

    def __init__(self) -> None:
        self._out = Console(highlight=False)
        self._err = Console(highlight=False, stderr=True)
        self._width = min(self._out.width, WIDEST)

    def opening(self, customers: int) -> None:
        """Say what is going to happen."""
        self._out.print(f"[bold]{customers} customers go from a sandbox of iPaaS.com into one of Stamped.io.[/bold]\n")

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Show that the parts start, and then that they run."""
        with self._out.status("Starting Valkey, the sandbox, a worker, beat and Flower"):
            yield
        self._out.print("[green]✓[/green] Valkey, the sandbox, a worker, beat and Flower are running\n")

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """Show how many of `total` are settled, and how many jobs wait for a retry, whenever it is told."""
        if self._out.is_terminal:
            with self._bar() as bar:
                task = bar.add_task(title, total=total, waiting="")
                yield lambda settled, waiting: bar.update(task, completed=settled, waiting=_waiting(waiting))
        else:
            yield self._lines(title, total)

    def summary(self, outcome: Outcome) -> None:
        """Show what came of it."""
        is_right = not outcome.mismatches
        self._out.print(f"\n{'':<26}{'First load':>10}{'Changes':>10}", style="bold")
        for line in _table(outcome.first, outcome.changed, len(outcome.refusals)):
            self._out.print(line)
        failed = "failed, as the sample data means them to" if is_right else "failed"
        self._errors(Counter(outcome.first.failed.values()), failed)
        self._errors(Counter(refusal.code for refusal in outcome.refusals), "refused, as they must be")
        self._out.print("\nFaults met, and recovered from by retries", style="bold")
        for status, count in outcome.faults.items():
            self._out.print(f"{count:>5}  {f'HTTP {status}' if status else 'connection cut'}")
        self._verdict(outcome)

    def kept(self, stage: Stage) -> None:
        """Show where everything is that goes on running."""
        login = f"{stage.login.user} / {stage.login.password.get_secret_value()}"
        lines = [
            "\nEverything goes on running; Ctrl-C ends it.\n",
            f"  Flower    http://127.0.0.1:{stage.flower_port}   login {login}",
            f"  Sandbox   {stage.sandbox.url}   its state under /sandbox/state",
            f"  Logs      {stage.folder}\n",
            "For the other commands, such as `stamped-sync status`, paste into another terminal:\n",
            f"export STAMPED_SYNC_REDIS_URL={stage.redis_url}",
            f"export STAMPED_SYNC_CONNECTIONS={stage.connections}",
        ]
        for line in lines:
            self._out.print(line, markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something about what is running."""
        self._err.print(text, markup=False)

    def failed(self, problem: str, child: Child | None = None) -> None:
        """Say why the demonstration could not go on, with the end of the log of the part to blame."""
        self._err.print(f"✗ The demo failed: {problem}", style="red", markup=False)
        if child and (lines := child.last_lines()):
            self._err.print(f"\nThe end of {child.name}.log:\n")
            self._err.print(lines, markup=False, soft_wrap=True)

    def _bar(self) -> Progress:
        columns = TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn()
        return Progress(*columns, TextColumn("{task.fields[waiting]}"), console=self._out)

    def _lines(self, title: str, total: int) -> Callable[[int, int], None]:
        """A line now and then, and one at the end."""
        told_at = time.monotonic()

        def show(settled: int, waiting: int) -> None:
            nonlocal told_at
            if settled == total or time.monotonic() - told_at > QUIET_SECONDS:
                told_at = time.monotonic()
                self._out.print(" ".join(filter(None, [f"{title}: {settled} of {total}", _waiting(waiting)])))

        return show

    def _errors(self, codes: Counter[str], heading: str) -> None:
        if not codes:
            return
        self._out.print(f"\n{codes.total()} {heading}", style="bold")
        for code, count in codes.items():
            entry = CATALOGUE[code]
            self._out.print(f"{count:>5}  {entry.title} ({code})")
            for text in (f"Cause: {entry.cause}", f"Resolution: {entry.resolution}"):
                self._out.print(fill(text, self._width, initial_indent=INDENT, subsequent_indent=INDENT), markup=False)

    def _verdict(self, outcome: Outcome) -> None:
        held, linked = outcome.audit.stamped, outcome.audit.linked
        if outcome.mismatches:
            self._err.print("\n✗ The summary does not agree with what the sandbox holds:", style="red")
            for mismatch in outcome.mismatches:
                self._err.print(f"  {mismatch}", markup=False)
            return
        self._out.print(f"\n✓ Stamped.io holds {held} customers, every one linked", style="green")
        if linked > held:
            self._out.print(f"  {linked} customers of iPaaS.com, who have {held} different e-mail addresses")


def _table(first: Tally, changed: Tally, refused: int) -> Iterator[str]:
    rows = [
        ("Customers created", first.customers["created"], changed.customers["created"]),
        ("Customers updated", first.customers["updated"], changed.customers["updated"]),
        ("Customers failed", len(first.failed), len(changed.failed)),
        ("Subscriptions left alone", first.subscriptions["unchanged"], changed.subscriptions["unchanged"]),
        ("Subscribed", first.subscriptions["subscribed"], changed.subscriptions["subscribed"]),
        ("Unsubscribed", first.subscriptions["unsubscribed"], changed.subscriptions["unsubscribed"]),
        ("Triggers refused", refused, 0),
    ]
    return (f"{title:<26}{before:>10}{after:>10}" for title, before, after in rows)


def _waiting(count: int) -> str:
    return f"({count} waiting for a retry)" if count else ""
