"""How far an initialize has come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Selection(StrEnum):
    """Which customers an initialize asks for."""

    ALL = "all"
    UNLINKED = "unlinked"
    CATCH_UP = "catch-up"
    """Those without a link too, but asked for by the workers themselves: nobody who waits in Error Logs."""


class TakenOver(Exception):
    """Another process has gone on with the same initialize, or has begun it anew."""


class ProgressLost(TakenOver):
    """Redis does not hold the progress any more: it was emptied, or came back without its data."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one initialize of a connection has come. Times are of Redis' clock, in UTC."""

    system_id: int
    selection: Selection
    token: str
    """Names the process that is at it."""
    position: str = ""
    """Where in its list it is; empty at the beginning. See `worker.sync.place`."""
    requested: int = 0
    """How many customers were asked for since it began, over all its runs."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_ended_at: datetime | None = None
    """When the one before this ended."""
    last_requested: int = 0
    """How many customers that one asked for."""
    run: str = ""
    """Names whom it has met."""
    past: tuple[str, ...] = ()
    """Name whom earlier catch-ups have met, none of whom is asked for again."""

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier run has done a part of it."""
        return bool(self.position)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some customers of a list."""

    met: frozenset[str] = frozenset()
    """Those whom an earlier page of this initialize has shown."""
    in_hand: frozenset[str] = frozenset()
    """Those whom the ledger has a job for that makes another one needless."""
