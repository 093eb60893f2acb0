"""Runs a demonstration from its first part to its exit code."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from worker.demo.screen import Screen
from worker.demo.stage import running_stage
from worker.demo.story import DemoFailed, perform, wait_until_ready
from worker.embedded.stopping import Stopped, stopped_by_signals
from worker.embedded.valkey import ValkeyFailed
from worker.embedded.watch import LOOK_SECONDS, Watch
from worker.ledger import LedgerUnavailable

if TYPE_CHECKING:
    from worker.demo.stage import Stage

FAILED = 1


def play(customers: int, flower_port: int = 0, *, keep: bool = False) -> int:
    """Run it; the exit code: 0 where the summary agrees with the sandbox, 1 where not, 128 and more where stopped."""
    screen = Screen()
    try:
        with stopped_by_signals():
            return _played(screen, customers, flower_port, keep=keep)
    except Stopped as stopped:
        screen.note("Stopped: every part was ended and removed.")
        return stopped.exit_code
    except ValkeyFailed as error:
        screen.failed(str(error))
    except LedgerUnavailable:
        screen.failed("the embedded Valkey does not answer any more")
    return FAILED


def _played(screen: Screen, customers: int, flower_port: int, *, keep: bool) -> int:
    screen.opening(customers)
    with running_stage(customers, flower_port) as stage:
        try:
            with screen.starting():
                wait_until_ready(stage)
            outcome = perform(stage, screen)
        except DemoFailed as error:
            screen.failed(str(error), error.child)
            return FAILED
        screen.summary(outcome)
        if keep:
            screen.kept(stage)
            _keep(stage, screen)
    return FAILED if outcome.mismatches else 0


def _keep(stage: Stage, screen: Screen) -> None:
    """Leave everything running until somebody ends it."""
    watch = Watch(stage.children, screen.note)
    with suppress(Stopped):
        while True:
            watch.look()
            time.sleep(LOOK_SECONDS)
