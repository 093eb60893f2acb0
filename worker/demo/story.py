"""The demonstration itself: a first load, a few changes, and a check of what came of them."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from tasks import submit
from worker.app import app
from worker.connections import CREATED, UPDATED
from worker.demo.audit import Result, audit, standing, tally
from worker.demo.changes import FAULTS, change_customers, to_be_refused, trigger
from worker.demo.report import Report
from worker.demo.stage import running_stage
from worker.ledger import LedgerUnavailable
from worker.local.child import ending
from worker.local.services import flower_answers
from worker.local.stopping import Stopped, stopped_by_signals
from worker.local.valkey import ValkeyFailed
from worker.local.watch import keep_running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.demo.stage import Stage
    from worker.local.child import Child

FAILED = 1
START_SECONDS = 60
STALL_SECONDS = 90
"""How long nothing may settle before the demonstration gives up: longer than its retries take."""
POLL_SECONDS = 0.1


class DemoFailed(Exception):
    """The demonstration can't go on; `child` is the part to blame, if there is one."""

    def __init__(self, problem: str, child: Child | None = None) -> None:
        self.child = child
        super().__init__(problem)


def play(customers: int, flower_port: int = 0, *, keep: bool = False) -> int:
    """Run the demonstration; the exit code: 0 if the sandbox holds what the summary says, 1 if it does not.

    If a signal stopped it, the exit code is 128 plus the signal's number.
    """
    report = Report()
    try:
        with stopped_by_signals():
            return _played(report, customers, flower_port, keep=keep)
    except Stopped as stopped:
        report.note(f"{stopped.word}. All processes have ended, and all files are removed.")
        return stopped.exit_code
    except ValkeyFailed as error:
        report.failed(str(error))
    except LedgerUnavailable:
        report.failed("the embedded Valkey does not answer any more")
    return FAILED


def _played(report: Report, customers: int, flower_port: int, *, keep: bool) -> int:
    report.opening(customers)
    with running_stage(customers, flower_port) as stage:
        try:
            with report.starting():
                _wait_until_ready(stage)
            result = _perform(stage, report)
        except DemoFailed as error:
            report.failed(str(error), error.child)
            return FAILED
        report.summary(result)
        if keep:
            report.kept(stage)
            with suppress(Stopped):
                keep_running(stage.children, report.note)
    return FAILED if result.mismatches else 0


def _wait_until_ready(stage: Stage) -> None:
    """Wait for the worker's answer to a ping, and for Flower's page. Raises DemoFailed."""
    until = time.monotonic() + START_SECONDS
    while not (app.control.ping(timeout=0.3) and flower_answers(stage.flower_port)):
        _refuse_dead(stage)
        if time.monotonic() > until:
            raise DemoFailed("the worker and Flower do not answer", stage.children[0])


def _perform(stage: Stage, report: Report) -> Result:
    """Do the first load and the changes on parts that are ready. Raises DemoFailed."""
    sandbox, ledger = stage.sandbox.sandbox, app.runtime.ledger
    system_id, customer_ids = sandbox.systems[0], list(sandbox.customers)
    for fault in FAULTS:
        sandbox.add_fault(fault)

    with report.following("First load", len(customer_ids)) as show:
        for refused in to_be_refused(system_id, customer_ids[0]):
            submit(refused)
        _send(system_id, customer_ids, CREATED, show)
        _wait_until_settled(stage, len(customer_ids), show)
    first = tally(ledger, system_id, customer_ids)

    changed_ids = change_customers(sandbox, first.stamped_ids)
    with report.following("Changes", len(changed_ids)) as show:
        _send(system_id, changed_ids, UPDATED, show)
        _wait_until_settled(stage, len(changed_ids), show, others=len(customer_ids) - len(changed_ids))

    mapping = app.runtime.connection(system_id).mapping
    return Result(
        first=first,
        changed=tally(ledger, system_id, changed_ids),
        refusals=ledger.refusals(),
        faults=Counter(call.status for call in sandbox.calls if call.status in {fault.status for fault in FAULTS}),
        audit=audit(sandbox, system_id, mapping, tally(ledger, system_id, customer_ids)),
    )


def _send(system_id: int, customer_ids: Sequence[str], scope: str, show: Callable[[int, int], None]) -> None:
    show(0, 0)
    for customer_id in customer_ids:
        submit(trigger(system_id, customer_id, scope))


def _wait_until_settled(stage: Stage, total: int, show: Callable[[int, int], None], *, others: int = 0) -> None:
    """Wait for all jobs, and show how many of `total` have settled besides the `others` that had before."""
    ledger, last, until = app.runtime.ledger, None, 0.0
    while (now := standing(ledger)).open:
        _refuse_dead(stage)
        show(now.settled - others, now.waiting)
        if now != last:
            last, until = now, time.monotonic() + STALL_SECONDS
        elif time.monotonic() > until:
            raise DemoFailed(f"{now.open} jobs do not settle", stage.children[0])
        time.sleep(POLL_SECONDS)
    show(total, 0)


def _refuse_dead(stage: Stage) -> None:
    for child in stage.children:
        if child.exit_code is not None:
            raise DemoFailed(f"{child.name} ended with {ending(child.exit_code)}", child)
