"""How each outcome of a job, a trigger or a message is reported: in the log, and to Sentry if somebody must act.

The metrics count the same outcomes, but in the ledger, in the step that ends a job.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.errors import error_fields
from worker.telemetry import sentry
from worker.telemetry.logs import error_help

if TYPE_CHECKING:
    from worker.jobs.errors import SyncError
    from worker.jobs.job import Job

log = logging.getLogger(sentry.OUTCOMES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which something ends, or goes on."""

    name: str
    """The field `outcome` of its log line; a job that is done has its action there instead."""
    level: int
    text: str
    has_help: bool = False
    """Whether its log line has the error's cause and resolution, because somebody may want to act."""
    is_reported: bool = False
    """Whether Sentry gets the error, because somebody must act."""


DONE: Final = Outcome("done", logging.INFO, "%s: %s in %.3f s")
THROTTLED: Final = Outcome("throttled", logging.INFO, "%s: waits for room in the store's throttle")
LEFT: Final = Outcome("left", logging.INFO, "%s: waits for a worker that knows connection %d; this one does not")
HELD: Final = Outcome("held", logging.INFO, "%s: waits for its turn again, %s")
WAITING: Final = Outcome("waiting", logging.WARNING, "%s: tried again in %.0f s, %s")
REQUEUED: Final = Outcome("queued", logging.WARNING, "%s: waits for its turn again, as it was requested meanwhile, %s")
FAILED: Final = Outcome(sentry.FAILED, logging.ERROR, "%s: failed, %s", has_help=True, is_reported=True)
FAILED_AGAIN: Final = Outcome(sentry.FAILED, logging.WARNING, "%s: failed again, %s", has_help=True)
"""It had already failed like this, and nobody has asked for it since, so it is not news."""
LOST: Final = Outcome("lost", logging.WARNING, "%s: the claim was lost; another worker has the job")
"""The other worker reports how the job ends."""
NOT_BEGUN: Final = Outcome("not begun", logging.ERROR, "%s: not begun, %s", has_help=True)
BROKEN_OFF: Final = Outcome("broken off", logging.ERROR, "%s: broken off, %s", has_help=True, is_reported=True)
"""Redis went away; the sweep finds the job when its lease is over. At most one per thread comes at once."""
HOLD_BEGAN: Final = Outcome(sentry.HOLD, logging.ERROR, "connection %d: held, %s", has_help=True, is_reported=True)
HOLD_ENDED: Final = Outcome("hold ended", logging.WARNING, "connection %d: no longer held")
REFUSED: Final = Outcome("refused", logging.WARNING, "%s: refused, %s", has_help=True)
SWITCHED_OFF: Final = Outcome("refused", logging.INFO, REFUSED.text, has_help=True)
TRIGGER_WAITS: Final = Outcome("waiting", logging.WARNING, "a trigger waits, %s", has_help=True)
CATCH_UP_WAITS: Final = Outcome("waiting", logging.WARNING, "connection %d: the catch-up waits, %s", has_help=True)
CATCH_UPS_WAIT: Final = Outcome("waiting", logging.WARNING, "catch-up: goes on later, %s", has_help=True)
CAUGHT_UP: Final = Outcome("caught up", logging.INFO, "connection %d: caught up, %s")


def announce(
    outcome: Outcome, /, *args: object, error: SyncError | None = None, job: Job | None = None, **more: Any
) -> None:
    """Report an outcome. `args` fill its text; if there is an `error`, it is added as the last of them.

    `job` is named in the log line and in Sentry; `more` are further fields of the line.
    """
    fields = {"outcome": outcome.name} | ({"job": str(job)} if job else {}) | more
    if error:
        args = *args, error
        fields |= error_fields(error) | (error_help(error) if outcome.has_help else {})
    log.log(outcome.level, outcome.text, *args, extra=fields)
    if error and job and outcome.is_reported:
        sentry.report(error, job, more.get("tracking_guid", ""), outcome=outcome.name)
