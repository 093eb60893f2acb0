"""Puts the operator's pages into Flower."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import flower.app
import flower.urls
from tornado.httpserver import HTTPServer
from tornado.template import Loader, Template
from tornado.web import url

from worker.monitor import (
    account,
    activity,
    batch,
    connections,
    error_logs,
    events,
    group,
    group_changes,
    job,
    login,
    manual_sync,
    metrics,
)
from worker.monitor.change import LARGEST_BYTES
from worker.monitor.lanes import Lanes
from worker.monitor.page import Asset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tornado.routing import URLSpec

STATIC: Final = Path(__file__).parent / "static"
TEMPLATES: Final = Path(__file__).parent / "templates"
INSERTED: Final[Mapping[str, Mapping[str, str]]] = {
    "base.html": {'<link href="{{ static_url(\'css/flower.css\') }}" rel="stylesheet">': "look.html"},
    "navbar.html": {
        '<ul class="app-nav navbar-nav">': "navbar-items.html",
        '<ul class="app-nav app-nav-secondary navbar-nav ms-lg-auto">': "account.html",
    },
    "task.html": {'<div class="detail-actions">': "task-rerun.html"},
}
"""The pieces of ours in Flower's templates: by template and the text in it that a piece follows, the piece."""
REPLACED: Final[Mapping[str, Mapping[str, str]]] = {
    "navbar.html": {"<span>Flower</span>": "brand.html"},
    "task.html": {
        "<dt>{{ humanize(name) }}</dt>": "task-label.html",
        "{% elif name == 'runtime' %}": "task-words.html",
        "{{ humanize(getattr(task, name, None), type='time') }}": "task-time.html",
    },
    "tasks.html": {
        'value="{{ time }}"': "tasks-zone.html",
        '<th data-column="{{ name }}">{{ label }}</th>': "tasks-heading.html",
    },
}
"""Those that stand in the place of a text."""


class Templates(Loader):
    """Finds a template among ours, else among Flower's."""

    def __init__(self, flowers: str) -> None:
        super().__init__(flowers)
        self._flowers = Path(flowers)

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        """A template's plain name, whichever template asks for it."""
        del parent_path
        return name

    def _create_template(self, name: str) -> Template:
        ours = TEMPLATES / name
        text = (ours if ours.is_file() else self._flowers / name).read_text(encoding="utf-8")
        for before, piece in INSERTED.get(name, {}).items():
            text = with_piece(text, before, piece, keeps=before)
        for before, piece in REPLACED.get(name, {}).items():
            text = with_piece(text, before, piece)
        return Template(text, name=name, loader=self)


def with_piece(text: str, place: str, piece: str, keeps: str = "") -> str:
    """A template of Flower's with a piece of ours. Raises LookupError if this Flower has other templates."""
    if text.count(place) != 1:
        raise LookupError(f"Flower's template does not hold {place!r} once: another version than the pinned one?")
    return text.replace(place, keeps + (TEMPLATES / piece).read_text(encoding="utf-8"))


def routes() -> list[URLSpec]:
    """Every page of ours."""
    return [
        url(r"/", connections.RootPage),
        url(r"/connections", connections.ConnectionsPage, name="connections"),
        url(f"{connections.OF_ONE}/pause", connections.PauseConnection, name="pause"),
        url(f"{connections.OF_ONE}/resume", connections.ResumeConnection, name="resume"),
        url(f"{connections.OF_ONE}/release", connections.ReleaseConnection, name="release"),
        url(r"/activity", activity.ActivityPage, name="activity"),
        url(r"/activity/events", events.EventsPage, name="events"),
        url(r"/activity/events/news", events.EventNews, name="events-news"),
        url(r"/activity/events.csv", events.EventTable, name="events-table"),
        url(r"/time-zone", account.ZonePage, name="zone"),
        url(r"/log-out", account.LogOutPage, name="log-out"),
        url(r"/activity/jobs.csv", activity.TablePage, name="activity-table"),
        url(r"/activity/news", activity.NewsPage, name="activity-news"),
        url(r"/activity/counts", activity.CountsPage, name="activity-counts"),
        url(r"/metrics", metrics.Metrics),
        url(r"/error-logs", error_logs.ErrorLogsPage, name="error-logs"),
        url(group_changes.GROUP, group_changes.GroupChange, name="group-change"),
        url(group.ADDRESS, group.GroupPage, name="group"),
        url(f"{group.ADDRESS}/chosen", group.ChosenChange, name="chosen"),
        url(f"{group.ADDRESS}/note", group.Acknowledge, name="acknowledge"),
        url(r"/error-logs/dismiss", group.Dismiss, name="dismiss"),
        url(f"{batch.ADDRESS}/rerun", batch.RerunBatch, name="batch-rerun"),
        url(group_changes.JOB, group_changes.JobDiscard, name="job-discard"),
        url(r"/manual-sync", manual_sync.ManualSyncPage, name="manual-sync"),
        url(r"/manual-sync/preview", manual_sync.PreviewPage, name="manual-sync-preview"),
        url(r"/manual-sync/submit", manual_sync.SubmitBatch, name="manual-sync-submit"),
        url(batch.ADDRESS, batch.BatchPage, name="batch"),
        url(job.ADDRESS, job.JobPage, name="job"),
        url(r"/rerun", job.RerunJob, name="rerun"),
        url(r"/task/(.+)/rerun", job.RerunTask, name="task-rerun"),
        url(r"/stamped/(.*)", Asset, {"path": STATIC}, name="stamped"),
    ]


def install() -> None:
    """Add the pages to Flower's before it builds its application; a second call changes nothing."""
    if "template_loader" in flower.urls.settings:
        return
    login.install()
    # By itself, Tornado would take 100 MB for any page, and read it before it asks anybody for a login.
    flower.app.HTTPServer = partial(HTTPServer, max_body_size=LARGEST_BYTES)
    flower.urls.settings["lanes"] = Lanes()
    flower.urls.settings["template_loader"] = Templates(flower.urls.settings["template_path"])
    flower.urls.handlers[:0] = routes()
    metrics.register()
