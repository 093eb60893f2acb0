"""Reports to Sentry; without a DSN, Sentry is not even imported, and nothing is sent."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from worker.config.settings import Settings
    from worker.jobs.errors import SyncError
    from worker.jobs.job import Job


OUTCOMES: Final = "worker.outcomes"
"""The logger of `worker.telemetry.outcomes`."""
HOLD: Final = "hold began"
FAILED: Final = "failed"


class _Process:
    """What this process sends to Sentry; None until it is started."""

    events: ModuleType | None = None


_process: Final = _Process()


def start_sentry(settings: Settings) -> None:
    """Report errors to the DSN of the settings from now on, if there is one."""
    if settings.sentry_dsn is None:
        return
    _process.events = import_module("worker.telemetry.sentry_events")  # without a DSN nobody waits for it
    _process.events.start(settings.sentry_dsn.get_secret_value(), settings.sentry_environment)


def tag(job: Job, tracking_guid: str) -> None:
    """Name the job in whatever else is reported of this task: Celery's integration reports what its run raises."""
    if _process.events:
        _process.events.tag(job, tracking_guid)


def report(error: SyncError, job: Job, tracking_guid: str = "", *, outcome: str = FAILED) -> None:
    """Report the error with which a job failed or, with `HOLD`, a hold of its connection began."""
    if _process.events:
        _process.events.report(error, job, tracking_guid, outcome)


def report_hold(system_id: int, error: SyncError) -> None:
    """Report the error for which a connection is held that no job has met."""
    if _process.events:
        _process.events.report_of(str(system_id), error, HOLD)


def report_refusals(refusals: Iterable[tuple[str, SyncError]]) -> None:
    """Report why notifications of one trigger were refused, given as system and error: once per system and code."""
    if _process.events:
        _process.events.report_refusals(refusals)


def check_in(monitor: str, every_seconds: float) -> None:
    """Tell Sentry that a scheduled task has run, so that Sentry notices if beat or the workers stop running it."""
    if _process.events:
        _process.events.check_in(monitor, every_seconds)
