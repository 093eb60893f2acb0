"""What is sent to Sentry, without personal data. Only `worker.telemetry.sentry` imports it, if there is a DSN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.crons import MonitorStatus, capture_checkin
from sentry_sdk.integrations.argv import ArgvIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.integrations.stdlib import StdlibIntegration
from sentry_sdk.scrubber import EventScrubber

from worker.config.release import PACKAGE, release
from worker.jobs.errors import SyncError
from worker.telemetry.logs import running
from worker.telemetry.masking import masked
from worker.telemetry.sentry import HOLD, OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sentry_sdk.types import Event, Hint

    from worker.jobs.job import Job

OWN_LOGGERS = ("tasks.*", OUTCOMES)
"""What these loggers write about an error is not reported a second time: `report` sends the error itself."""
BEAT = "celery.beat"
"""While Redis is down, beat logs it for each task that is due. The workers log it less often, and check-ins stop."""

MINUTE_SECONDS = 60
MARGIN_MINUTES = 5
"""How late a check-in may be before Sentry counts it as missed: a restart is no incident."""


def start(dsn: str, environment: str) -> None:
    """Report errors to this DSN from now on.

    Nothing personal is sent. By default Sentry would send local variables, bodies, command lines, which can hold
    passwords, and the URLs of calls, whose queries hold e-mail addresses; all of that is switched off here. Without the
    integration that notes URLs, no call gets Sentry's headers either, and messages get none because nothing is traced.
    """
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        release=f"{PACKAGE}@{release()}" if release() else None,
        include_local_variables=False,
        max_request_body_size="never",
        integrations=[CeleryIntegration(propagate_traces=False)],
        auto_enabling_integrations=False,
        disabled_integrations=[StdlibIntegration(), ArgvIntegration()],
        event_scrubber=EventScrubber(recursive=True),
        before_send=grouped,
    )
    for name in (*OWN_LOGGERS, BEAT):
        ignore_logger(name)


def tag(job: Job, tracking_guid: str) -> None:
    """Name the job in what is reported of this task."""
    sentry_sdk.get_isolation_scope().set_tags(_named(job, tracking_guid))


def report(error: SyncError, job: Job, tracking_guid: str, outcome: str) -> None:
    """Report the error with which a job failed or a hold began."""
    with sentry_sdk.new_scope() as scope:
        scope.set_tags(_named(job, tracking_guid) | {"outcome": outcome})
        scope.capture_exception(error)


def report_refusals(refusals: Iterable[tuple[str, SyncError]]) -> None:
    """Report refusals, given as system and error, once per system and code."""
    for (system, _), error in {(system, error.entry.code): error for system, error in refusals}.items():
        report_of(system, error, "refused")


def report_of(system: str, error: SyncError, outcome: str) -> None:
    """Report an error of a connection that is no job's."""
    with sentry_sdk.new_scope() as scope:
        scope.set_tags({"connection": system, "outcome": outcome})
        scope.capture_exception(error)


def check_in(monitor: str, every_seconds: float) -> None:
    """Check in. Sentry counts in minutes, so a task that runs more often checks in once a minute."""
    minutes = math.ceil(every_seconds / MINUTE_SECONDS)
    capture_checkin(
        monitor,
        status=MonitorStatus.OK,
        monitor_config={
            "schedule": {"type": "interval", "value": minutes, "unit": "minute"},
            "checkin_margin": MARGIN_MINUTES,
        },
    )


def grouped(event: Event, hint: Hint) -> Event:
    """Name the running job, group the event if it is an error of the catalogue, and mask its texts once more.

    Errors of the catalogue are grouped by code, connection and status. A hold is grouped apart from the failures with
    the same error.
    """
    if attempt := running.get():
        event["tags"] = _named(attempt.job, attempt.tracking_guid) | dict(event.get("tags") or {})
    error = (hint.get("exc_info") or (None, None, None))[1]
    if isinstance(error, SyncError):
        _group(event, error)
    for holder, name in _texts(event):
        if isinstance(holder.get(name), str):
            holder[name] = masked(holder[name])
    return event


def _group(event: Event, error: SyncError) -> None:
    tags = {str(name): str(value) for name, value in (event.get("tags") or {}).items()}
    status = str(error.failure.http_status or "none")
    prefix = ["hold"] if tags.get("outcome") == HOLD else []
    event["fingerprint"] = [*prefix, error.entry.code, tags.get("connection", ""), status]
    event["tags"] = tags | {"code": error.entry.code, "http_status": status}


def _named(job: Job, tracking_guid: str) -> dict[str, str]:
    named = {"job": str(job), "connection": str(job.system_id)}
    return named | ({"tracking_guid": tracking_guid} if tracking_guid else {})


def _texts(event: Event) -> Iterator[tuple[dict[str, Any], str]]:
    """The places of an event that can hold text that somebody else wrote."""
    held: dict[str, Any] = {**event}
    yield from ((exception, "value") for exception in (held.get("exception") or {}).get("values") or [])
    yield from ((breadcrumb, "message") for breadcrumb in (held.get("breadcrumbs") or {}).get("values") or [])
    yield from ((held.get("logentry") or {}, name) for name in ("message", "formatted"))
