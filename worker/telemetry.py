"""Reports to Sentry, without personal data; off without a DSN."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.scrubber import EventScrubber

from worker.errors import SyncError
from worker.masking import masked

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

    from worker.job import Job
    from worker.settings import Settings


def start_sentry(settings: Settings) -> None:
    """Report errors to the DSN of the settings, if there is one. Local variables and bodies are never sent."""
    if settings.sentry_dsn is None:
        return
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.sentry_environment,
        release=f"stamped-customer-sync@{version('stamped-customer-sync')}",
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        event_scrubber=EventScrubber(recursive=True),
        before_send=grouped,
    )


def tag(job: Job, tracking_guid: str) -> None:
    """Name the job in whatever this task reports."""
    scope = sentry_sdk.get_isolation_scope()
    scope.set_tags({"job": str(job), "connection": str(job.system_id), "tracking_guid": tracking_guid})


def grouped(event: Event, hint: Hint) -> Event:
    """Group an error of the catalogue by code, connection and status, and mask what its text may still hold."""
    error = (hint.get("exc_info") or (None, None, None))[1]
    if isinstance(error, SyncError):
        failure = error.failure
        tags = dict(event.get("tags") or {})
        event["fingerprint"] = [failure.code, str(tags.get("connection", "")), str(failure.http_status)]
        event["tags"] = {**tags, "code": failure.code, "http_status": str(failure.http_status)}
    for exception in _exceptions(event):
        exception["value"] = masked(exception.get("value") or "")
    return event


def _exceptions(event: Event) -> list[dict[str, Any]]:
    held: Any = event.get("exception") or {}
    return list(held.get("values") or [])
