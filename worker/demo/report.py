"""What a demonstration shows, on a terminal and elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from worker.jobs.catalogue import CATALOGUE
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.demo.result import Result
    from worker.demo.stage import Stage
    from worker.demo.tally import Tally
    from worker.local.child import Child

QUIET_SECONDS = 2
"""Between two lines of progress if there is no terminal."""
PARTS = "Valkey, the sandbox, a worker, beat and Flower"


class Report(Screen):
    """Standard output for what is done, standard error for what went wrong."""

    def opening(self, customers: int) -> None:
        """Say what is going to happen."""
        self.heading(f"{customers} customers go from a sandbox of iPaaS.com into one of Stamped.io.")
        self.line()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Show that the parts start, and then that they run."""
        with self.busy(f"Starting {PARTS}"):
            yield
        self.mark(f"{PARTS} are running", is_good=True)
        self.line()

    @contextmanager
    def following(self, title: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """Show how many of `total` are settled, and how many jobs wait for a retry, whenever it is told."""
        if self._out.is_terminal:
            with self._bar() as bar:
                task = bar.add_task(title, total=total, waiting="")
                yield lambda settled, waiting: bar.update(task, completed=settled, waiting=_waiting(waiting))
        else:
            yield self._lines(title, total)

    def summary(self, result: Result) -> None:
        """Show what came of it."""
        self.line()
        self.heading(f"{'':<26}{'First load':>10}{'Changes':>10}")
        for line in _table(result.first, result.changed, len(result.refusals)):
            self.line(line)
        self._errors(
            Counter(result.first.failed.values()),
            "failed" if result.mismatches else "failed, as the sample data means them to",
        )
        self._errors(Counter(refusal.code for refusal in result.refusals), "refused, as they must be")
        self.line()
        self.heading("Faults met, and recovered from by retries")
        for status, count in result.faults.items():
            self.line(f"{count:>5}  {f'HTTP {status}' if status else 'connection cut'}")
        self._verdict(result)

    def kept(self, stage: Stage) -> None:
        """Show where everything is that goes on running."""
        login = f"{stage.login.user} / {stage.login.password.get_secret_value()}"
        lines = [
            "",
            "Everything goes on running; Ctrl-C ends it.",
            "",
            f"  Flower    http://127.0.0.1:{stage.flower_port}   login {login}",
            f"  Sandbox   {stage.sandbox.url}   its state under /sandbox/state",
            f"  Logs      {stage.folder}",
            "",
            "For the other commands, such as `stamped-sync status`, paste into another terminal:",
            "",
            f"export STAMPED_SYNC_REDIS_URL={stage.redis_url}",
            f"export STAMPED_SYNC_CONNECTIONS={stage.connections}",
        ]
        for line in lines:
            self.line(line)

    def failed(self, problem: str, child: Child | None = None) -> None:
        """Say why the demonstration could not go on, with the end of the log of the part to blame."""
        self.error(f"The demo failed: {problem}")
        if child and (lines := child.last_lines()):
            for line in ["", f"The end of {child.name}.log:", "", *lines.splitlines()]:
                self.note(line)

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
                self.line(" ".join(filter(None, [f"{title}: {settled} of {total}", _waiting(waiting)])))

        return show

    def _errors(self, codes: Counter[str], heading: str) -> None:
        if not codes:
            return
        self.line()
        self.heading(f"{codes.total()} {heading}")
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
            self.line(f"  {linked} customers of iPaaS.com, who have {held} different e-mail addresses")


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
