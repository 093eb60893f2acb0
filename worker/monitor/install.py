"""Puts the operator's pages into Flower."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import flower.app
import flower.urls
from tornado.httpserver import HTTPServer
from tornado.web import url

from worker.monitor import activity, batch, error_logs, group_changes, job, login, manual_sync, metrics, rerun
from worker.monitor.change import LARGEST_BYTES
from worker.monitor.lanes import Lanes
from worker.monitor.page import Asset
from worker.monitor.templates import Templates

if TYPE_CHECKING:
    from tornado.routing import URLSpec

STATIC = Path(__file__).parent / "static"


def routes() -> list[URLSpec]:
    """Every page of ours."""
    return [
        url(r"/activity", activity.ActivityPage, name="activity"),
        url(r"/activity/counts", activity.CountsPage, name="activity-counts"),
        url(r"/metrics", metrics.Metrics),
        url(r"/error-logs", error_logs.ErrorLogsPage, name="error-logs"),
        url(group_changes.GROUP, group_changes.GroupChange, name="group-change"),
        url(group_changes.JOB, group_changes.JobDiscard, name="job-discard"),
        url(r"/manual-sync", manual_sync.ManualSyncPage, name="manual-sync"),
        url(r"/manual-sync/preview", manual_sync.PreviewPage, name="manual-sync-preview"),
        url(r"/manual-sync/submit", manual_sync.SubmitBatch, name="manual-sync-submit"),
        url(batch.ADDRESS, batch.BatchPage, name="batch"),
        url(job.ADDRESS, job.JobPage, name="job"),
        url(r"/rerun", rerun.RerunJob, name="rerun"),
        url(r"/task/(.+)/rerun", rerun.RerunTask, name="task-rerun"),
        url(r"/stamped/(.*)", Asset, {"path": STATIC}, name="stamped"),
    ]


def install() -> None:
    """Add the pages to Flower's, before its application is built; twice is once."""
    if "template_loader" in flower.urls.settings:
        return
    login.install()
    # Else Tornado would take 100 MB for any page, and read it before anybody is asked for a login.
    flower.app.HTTPServer = partial(HTTPServer, max_body_size=LARGEST_BYTES)
    flower.urls.settings["lanes"] = Lanes()
    flower.urls.settings["template_loader"] = Templates(flower.urls.settings["template_path"])
    flower.urls.handlers[:0] = routes()
    metrics.register()
