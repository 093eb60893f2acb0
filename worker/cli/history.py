"""A job's attempts, as `failures show` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.cli.outcome import titled
from worker.presentation.screen import counted
from worker.presentation.times import local

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.jobs.calls import MadeCall
    from worker.ledger.activity import Attempt
    from worker.presentation.screen import Screen


def show_history(screen: Screen, attempts: Sequence[Attempt]) -> None:
    """The last attempts, newest first, each with the calls it made."""
    if not attempts:
        return
    screen.line(f"  {counted(len(attempts), 'attempt')}, the newest first", "bold")
    for attempt in attempts:
        where = f" on {attempt.worker}" if attempt.worker else ""
        because = f", {titled(attempt.failure)}" if attempt.failure else ""
        screen.line(f"    {local(attempt.at)}  {attempt.outcome} in {attempt.ms / 1000:.3f} s{where}{because}")
        for call in attempt.calls:
            screen.line(f"      {_told(call)}")


def as_json_object(attempt: Attempt) -> dict[str, object]:
    """The object that a program reads."""
    return {
        "at": attempt.at and attempt.at.isoformat(),
        "seconds": attempt.ms / 1000,
        "worker": attempt.worker,
        "outcome": attempt.outcome,
        "error": attempt.failure.as_json() if attempt.failure else None,
        "calls": [
            {
                "api": call.api,
                "method": call.method,
                "route": call.route,
                "http_status": call.status,
                "seconds": call.ms / 1000,
            }
            for call in attempt.calls
        ],
    }


def _told(call: MadeCall) -> str:
    return f"{call.api} {call.method} {call.route}: {call.status or 'no answer'} in {call.ms / 1000:.3f} s"
