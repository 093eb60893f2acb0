"""What `stamped-sync status` shows of the catch-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.config.settings import load_settings
from worker.jobs.progress import Selection
from worker.presentation.times import local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.connections import Connections
    from worker.jobs.progress import Progress
    from worker.ledger import Ledger
    from worker.presentation.screen import Screen

COLUMNS: Final = ("Catch-up", "state", "customers requested")


def show(screen: Screen, ledger: Ledger, connections: Connections) -> None:
    """A line for each connection: when its catch-up ended, or that it is under way, and how many it requested."""
    rows = [
        (str(system_id), _in_words(state, progress), f"{progress.requested:,}" if progress else "")
        for system_id, state, progress in _all(ledger, connections)
    ]
    screen.line()
    screen.table(COLUMNS, rows, numbers=COLUMNS[2:])


def as_json_objects(ledger: Ledger, connections: Connections) -> list[dict[str, Any]]:
    """The same, as objects."""
    return [
        {"system_id": system_id, "state": state} | (_facts(progress) if progress else {})
        for system_id, state, progress in _all(ledger, connections)
    ]


def _all(ledger: Ledger, connections: Connections) -> Iterator[tuple[int, str, Progress | None]]:
    """The state of each connection's catch-up, and how far it has come if there has been one."""
    is_on = load_settings().catch_up_hours > 0
    progresses = ledger.progress.all_of([each.system_id for each in connections], Selection.CATCH_UP)
    for connection, progress in zip(connections, progresses, strict=True):
        if not (is_on and connection.catches_up):
            state = "off"
        elif progress is None:
            state = "not yet begun"
        else:
            state = "ended" if progress.ended_at else "under way"
        yield connection.system_id, state, progress


def _in_words(state: str, progress: Progress | None) -> str:
    if progress is None:
        return state
    if progress.ended_at is None:
        return f"{state}, began {local(progress.started_at)}"
    return f"{'off, ' if state == 'off' else ''}ended {local(progress.ended_at)}"


def _facts(progress: Progress) -> dict[str, Any]:
    last_ended_at = progress.ended_at or progress.last_ended_at
    return {
        "requested": progress.requested,
        "started_at": progress.started_at and progress.started_at.isoformat(),
        "last_ended_at": last_ended_at and last_ended_at.isoformat(),
        "last_requested": progress.requested if progress.ended_at else progress.last_requested,
    }
