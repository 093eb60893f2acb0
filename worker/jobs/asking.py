"""Asking for one more run of a job, and what comes of it: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from worker.jobs.job import Job


@dataclass(frozen=True, slots=True)
class Request:
    """One more run of a job is asked for."""

    job: Job
    tracking_guid: str = ""
    """It gets an id of its own if none is given."""
    urgent: bool = False
    """It does not wait for the due time of a retry: a manual sync, a re-run."""
    debug: bool = False
    """It goes to the front, and each of its calls is logged."""
    background: bool = False
    """It waits behind whatever triggers ask for: an initialize."""

    @property
    def by(self) -> str:
        """Who asks, as the scripts know it."""
        if self.urgent:
            return "person"
        return "background" if self.background else "trigger"


class Requested(NamedTuple):
    """What came of a request."""

    version: int
    """The version that is wanted of the job from now on."""
    is_coalesced: bool
    """Whether a run that is to begin anyway does for this request as well."""
