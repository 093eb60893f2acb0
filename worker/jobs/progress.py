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
    """Like UNLINKED, but requested by the workers themselves, and without the customers who are in Error Logs."""


class TakenOver(Exception):
    """Another process has continued the same initialize, or has started it anew."""


class ProgressLost(TakenOver):
    """Redis no longer holds the progress: somebody emptied it, or it came back without its data."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one initialize of a connection has come. Times are by Redis' clock, in UTC."""

    system_id: int
    selection: Selection
    token: str
    """Identifies the process that runs it."""
    position: str = ""
    """The place in the list, as `worker.sync.place` writes it; empty at the beginning."""
    requested: int = 0
    """How many customers it has requested since it began, in all its runs."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_ended_at: datetime | None = None
    """When the initialize before this one ended."""
    last_requested: int = 0
    """How many customers that one requested."""
    run: str = ""
    """Identifies the ledger's record of the customers that it has met."""
    past: tuple[str, ...] = ()
    """The same of earlier catch-ups; none of their customers is requested again."""

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier run has already done a part of it."""
        return bool(self.position)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some customers of a list."""

    met: frozenset[str] = frozenset()
    """Those that were on an earlier page of this initialize."""
    in_hand: frozenset[str] = frozenset()
    """Those that need no new job, because the ledger already has one for them."""
