"""How it stands with each connection's catch-up, as `stamped-sync status` shows it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from worker.jobs.progress import Selection
from worker.presentation.times import as_iso, local
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.config.settings import Settings
    from worker.connections import Connections
    from worker.jobs.progress import Progress
    from worker.ledger import Ledger
    from worker.presentation.screen import Screen

    CatchUp = tuple[int, str, Progress | None]
    """A connection's system id, the state of its catch-up, and how far that has come if there has been one."""

COLUMNS = ("Catch-up", "state", "customers requested")
OFF = "off"
NOT_BEGUN = "not yet begun"
UNDER_WAY = "under way"
ENDED = "ended"


def read(ledger: Ledger, connections: Connections, settings: Settings) -> Iterator[CatchUp]:
    """How it stands with each connection's catch-up."""
    progresses = ledger.progress.all_of([each.system_id for each in connections], Selection.CATCH_UP)
    for connection, progress in zip(connections, progresses, strict=True):
        if not (settings.catch_up_hours and connection.catches_up):
            state = OFF
        elif progress is None:
            state = NOT_BEGUN
        else:
            state = ENDED if progress.ended_at else UNDER_WAY
        yield connection.system_id, state, progress


def show(screen: Screen, catch_ups: Sequence[CatchUp], at_most: int) -> None:
    """A row for each connection that catches up, or did, and how many others there are.

    Of more than `at_most`, only those have a row that catch up now.
    """
    is_long = len(catch_ups) > at_most
    others: Counter[str] = Counter()
    rows = []
    for each in catch_ups:
        _, state, progress = each
        has_row = state == UNDER_WAY if is_long else bool(progress) or state != OFF
        if has_row:
            rows.append(_row(*each))
        else:
            others[state] += 1
    if rows:
        screen.table(COLUMNS, rows, numbers=COLUMNS[2:])
    for state, words in {NOT_BEGUN: "has not yet begun", ENDED: "has ended", OFF: "is off"}.items():
        if others[state]:
            screen.line(f"Catch-up {words} for {counted(others[state], 'connection')}")


def _row(system_id: int, state: str, progress: Progress | None) -> tuple[str, ...]:
    """When it ended, or that it is under way, and how many customers it requested."""
    if progress is None:
        return str(system_id), state, ""
    words = f"{state}, began {local(progress.started_at)}"
    if progress.ended_at:
        words = f"{f'{OFF}, ' if state == OFF else ''}ended {local(progress.ended_at)}"
    return str(system_id), words, f"{progress.requested:,}"


def as_json(system_id: int, state: str, progress: Progress | None) -> dict[str, Any]:
    """The same for a program."""
    shown = {"system_id": system_id, "state": state}
    if progress is None:
        return shown
    last_ended_at = progress.ended_at or progress.last_ended_at
    return shown | {
        "requested": progress.requested,
        "started_at": as_iso(progress.started_at),
        "last_ended_at": as_iso(last_ended_at),
        "last_requested": progress.requested if progress.ended_at else progress.last_requested,
    }
