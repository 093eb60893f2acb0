"""How each outcome of a job, a trigger or a message is told: in the log, and to Sentry if somebody must act.

The metrics count the same outcomes in the ledger, in the step that ends a job.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.errors import error_fields, error_help
from worker.telemetry import sentry

if TYPE_CHECKING:
    from worker.jobs.errors import SyncError
    from worker.jobs.job import Job

log = logging.getLogger(sentry.OUTCOMES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which something ends, or goes on."""

    name: str
    """The field `outcome` of its log line; of a job that is done, its action takes the place."""
    level: int
    text: str
    has_help: bool = False
    """Whether its line has the error's cause and resolution: somebody may want to act."""
    is_reported: bool = False
    """Whether Sentry gets the error: somebody must act."""


DONE: Final = Outcome("done", logging.INFO, "%s: %s in %.3f s")
THROTTLED: Final = Outcome("throttled", logging.INFO, "%s: waits for room in the store's throttle")
HELD: Final = Outcome("held", logging.INFO, "%s: waits for its turn again, %s")
WAITING: Final = Outcome("waiting", logging.WARNING, "%s: tried again in %.0f s, %s")
RUNS_AGAIN: Final = Outcome("queued", logging.WARNING, "%s: runs again at once, %s")
FAILED: Final = Outcome(sentry.FAILED, logging.ERROR, "%s: failed, %s", has_help=True, is_reported=True)
FAILED_AGAIN: Final = Outcome(sentry.FAILED, logging.WARNING, "%s: failed again, %s", has_help=True)
"""It had failed so before, and nobody has asked for it since: that is no news."""
LOST: Final = Outcome("lost", logging.WARNING, "%s: the claim was lost; another worker has the job")
"""What the job came to is the other worker's to tell."""
NOT_BEGUN: Final = Outcome("not begun", logging.ERROR, "%s: not begun, %s", has_help=True)
BROKEN_OFF: Final = Outcome("broken off", logging.ERROR, "%s: broken off, %s", has_help=True, is_reported=True)
"""Redis went away: the job is found when its lease is over. No more of these come at once than a worker has threads."""
HOLD_BEGAN: Final = Outcome(sentry.HOLD, logging.ERROR, "connection %d: held, %s", has_help=True, is_reported=True)
HOLD_ENDED: Final = Outcome("hold ended", logging.WARNING, "connection %d: no longer held")
REFUSED: Final = Outcome("refused", logging.WARNING, "trigger %s, notification %d: %s", has_help=True)
SWITCHED_OFF: Final = Outcome("refused", logging.INFO, REFUSED.text, has_help=True)
MESSAGE_REFUSED: Final = Outcome("refused", logging.WARNING, "message of %s: refused, %s", has_help=True)
TRIGGER_WAITS: Final = Outcome("waiting", logging.WARNING, "a trigger waits, %s", has_help=True)
CATCH_UP_WAITS: Final = Outcome("waiting", logging.WARNING, "connection %d: the catch-up waits, %s", has_help=True)
CATCH_UPS_WAIT: Final = Outcome("waiting", logging.WARNING, "catch-up: goes on later, %s", has_help=True)
CAUGHT_UP: Final = Outcome("caught up", logging.INFO, "connection %d: caught up, %s")


def announce(
    outcome: Outcome, /, *args: object, error: SyncError | None = None, job: Job | None = None, **more: Any
) -> None:
    """Tell an outcome. `args` fill its text, and `error` is the last of them if there is one.

    `job` is named to Sentry; `more` are further fields of the line.
    """
    fields = {"outcome": outcome.name} | ({"job": str(job)} if job else {}) | more
    if error:
        args = *args, error
        fields |= error_fields(error) | (error_help(error) if outcome.has_help else {})
    log.log(outcome.level, outcome.text, *args, extra=fields)
    if error and job and outcome.is_reported:
        sentry.report(error, job, more.get("tracking_guid", ""), outcome=outcome.name)
