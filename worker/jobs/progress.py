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
    """Like UNLINKED, but requested by the workers themselves, and without customers who are in Error Logs."""


class TakenOver(Exception):
    """Another process goes on with the same initialize, or has begun it anew."""


class ProgressLost(TakenOver):
    """Redis no longer holds the progress: it was emptied, or came back without its data."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one initialize of a connection has come. Times are of Redis' clock, in UTC."""

    system_id: int
    selection: Selection
    token: str
    """Names the process that runs it."""
    position: str = ""
    """Where in its list it is, as `worker.sync.place` writes it; empty at the beginning."""
    requested: int = 0
    """How many customers were asked for since it began, in all its runs."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_ended_at: datetime | None = None
    """When the initialize before this one ended."""
    last_requested: int = 0
    """How many customers that one asked for."""
    run: str = ""
    """Names the ledger's record of the customers that it has met."""
    past: tuple[str, ...] = ()
    """The same of earlier catch-ups; none of their customers is asked for again."""

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier run did a part of it."""
        return bool(self.position)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some customers of a list."""

    met: frozenset[str] = frozenset()
    """Those that an earlier page of this initialize has shown."""
    in_hand: frozenset[str] = frozenset()
    """Those that have a job in the ledger which makes another one needless."""
