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


class TakenOver(Exception):
    """Another process has gone on with the same initialize, or has begun it anew."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one initialize of a connection has come. Times are of Redis' clock, in UTC."""

    system_id: int
    selection: Selection
    token: str
    """Names the process that is at it."""
    position: str = ""
    """Where the list goes on; empty at its beginning."""
    requested: int = 0
    """How many customers were asked for since it began, over all its runs."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_ended_at: datetime | None = None
    """When the one before this ended."""

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier run has done a part of it."""
        return bool(self.position)
