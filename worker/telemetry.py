"""Reports to Sentry, without personal data; off without a DSN."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.integrations.stdlib import StdlibIntegration
from sentry_sdk.scrubber import EventScrubber

from worker.errors import SyncError
from worker.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentry_sdk.types import Event, Hint

    from worker.job import Job
    from worker.settings import Settings

OWN_LOGGERS = "tasks.*"
"""What these log of an error is no second report: Sentry gets the error itself, when it ends the task."""


def start_sentry(settings: Settings) -> None:
    """Report errors to the DSN of the settings, if there is one.

    Nothing personal is sent. That is Sentry's default but for local variables, bodies and the addresses of calls, whose
    queries hold e-mail addresses; without the integration that notes these, no call gets Sentry's headers either.
    """
    if settings.sentry_dsn is None:
        return
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.sentry_environment,
        release=f"stamped-customer-sync@{version('stamped-customer-sync')}",
        include_local_variables=False,
        max_request_body_size="never",
        disabled_integrations=[StdlibIntegration()],
        event_scrubber=EventScrubber(recursive=True),
        before_send=grouped,
    )
    ignore_logger(OWN_LOGGERS)


def tag(job: Job, tracking_guid: str) -> None:
    """Name the job in whatever this task reports."""
    scope = sentry_sdk.get_isolation_scope()
    scope.set_tags({"job": str(job), "connection": str(job.system_id), "tracking_guid": tracking_guid})


def report(error: SyncError, job: Job) -> None:
    """Report an error that ends no task of the job: a hold that begins, workers that died on it."""
    with sentry_sdk.new_scope() as scope:
        scope.set_tags({"job": str(job), "connection": str(job.system_id)})
        scope.capture_exception(error)


def grouped(event: Event, hint: Hint) -> Event:
    """Group an error of the catalogue by code, connection and status, and mask what its text may still hold."""
    error = (hint.get("exc_info") or (None, None, None))[1]
    if isinstance(error, SyncError):
        failure = error.failure
        tags = dict(event.get("tags") or {})
        event["fingerprint"] = [failure.code, str(tags.get("connection", "")), str(failure.http_status)]
        event["tags"] = {**tags, "code": failure.code, "http_status": str(failure.http_status)}
    for holder, name in _texts(event):
        if isinstance(holder.get(name), str):
            holder[name] = masked(holder[name])
    return event


def _texts(event: Event) -> Iterator[tuple[dict[str, Any], str]]:
    """Where an event holds text that somebody else wrote."""
    held: dict[str, Any] = {**event}
    yield from ((exception, "value") for exception in (held.get("exception") or {}).get("values") or [])
    yield from ((breadcrumb, "message") for breadcrumb in (held.get("breadcrumbs") or {}).get("values") or [])
    yield from ((held.get("logentry") or {}, name) for name in ("message", "formatted"))
