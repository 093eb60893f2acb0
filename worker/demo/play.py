"""Runs a demonstration from its first part to its exit code."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from worker.demo.report import Report
from worker.demo.stage import running_stage
from worker.demo.story import DemoFailed, perform, wait_until_ready
from worker.ledger import LedgerUnavailable
from worker.local.stopping import Stopped, stopped_by_signals
from worker.local.valkey import ValkeyFailed
from worker.local.watch import LOOK_SECONDS, Watch

if TYPE_CHECKING:
    from worker.demo.stage import Stage

FAILED = 1


def play(customers: int, flower_port: int = 0, *, keep: bool = False) -> int:
    """Run it; the exit code: 0 if the summary agrees with the sandbox, 1 where not, 128 and more where stopped."""
    report = Report()
    try:
        with stopped_by_signals():
            return _played(report, customers, flower_port, keep=keep)
    except Stopped as stopped:
        report.note(f"{stopped.word}. Every part was ended and removed.")
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
                wait_until_ready(stage)
            result = perform(stage, report)
        except DemoFailed as error:
            report.failed(str(error), error.child)
            return FAILED
        report.summary(result)
        if keep:
            report.kept(stage)
            _keep(stage, report)
    return FAILED if result.mismatches else 0


def _keep(stage: Stage, report: Report) -> None:
    """Leave everything running until somebody ends it."""
    watch = Watch(stage.children, report.note)
    with suppress(Stopped):
        while True:
            watch.look()
            time.sleep(LOOK_SECONDS)
