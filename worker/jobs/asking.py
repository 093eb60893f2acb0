"""Asking for one more run of a job, who asks, and what comes of it: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from worker.jobs.job import Job


class Source(StrEnum):
    """What asked for a run, or changed something."""

    TRIGGER = "trigger"
    MANUAL_SYNC = "manual-sync"
    RERUN = "re-run"
    INITIALIZE = "initialize"
    CATCH_UP = "catch-up"
    SCHEDULE = "schedule"
    UNKNOWN = ""
    """Of an attempt that an earlier release has kept."""
    PERSON = "person"
    """Somebody who asked for no run: who paused a connection, for one."""


LONGEST_NAME: Final = 64
BY_HAND: Final = frozenset({Source.MANUAL_SYNC, Source.RERUN})
"""What does not wait for the due time of a retry."""
IN_THE_BACKGROUND: Final = frozenset({Source.INITIALIZE, Source.CATCH_UP})
"""What waits behind whatever triggers ask for."""


class Asker(NamedTuple):
    """Who asks: a source, and the user if somebody is known."""

    source: Source = Source.TRIGGER
    user: str = ""

    @classmethod
    def read(cls, source: str, user: str) -> Asker:
        """The asker that an entry names."""
        return cls(Source(source), user)

    def __str__(self) -> str:
        """As the scripts know it: see `note_event` in `_events.lua`."""
        return f"{self.source} {self.user}".strip()

    @property
    def words(self) -> str:
        """For people to read."""
        name = self.source.replace("manual-sync", "manual sync")
        return f"{name} by {self.user}" if self.user else name

    @property
    def by(self) -> str:
        """How the job that is asked for stands to others, as the scripts know it."""
        if self.source in BY_HAND:
            return "person"
        return "background" if self.source in IN_THE_BACKGROUND else "trigger"


def user_name(text: str) -> str:
    """A user's name as it is remembered: without what may make an e-mail address of it, short, and of letters alone."""
    name = text.partition("@")[0].encode(errors="replace").decode()
    return "".join(filter(str.isprintable, name)).strip()[:LONGEST_NAME]


TRIGGERED: Final = Asker()
SOMEBODY: Final = Asker(Source.PERSON)


@dataclass(frozen=True, slots=True)
class Request:
    """One more run of a job is asked for."""

    job: Job
    asker: Asker = TRIGGERED
    tracking_guid: str = ""
    """It gets an id of its own if none is given."""
    debug: bool = False
    """It goes to the front, and each of its calls is logged."""


class Requested(NamedTuple):
    """What came of a request."""

    version: int
    """The version that is wanted of the job from now on."""
    is_coalesced: bool
    """Whether a run that is to begin anyway does for this request as well."""
