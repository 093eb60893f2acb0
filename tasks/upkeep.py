"""Keeps jobs moving: sends lost and due messages again, and reruns the jobs that an operator asks for."""

from __future__ import annotations

import logging

from tasks.jobs import RefusingTask
from tasks.pump import admit_due
from tasks.refusals import refuse_message
from tasks.scheduled import ScheduledTask
from worker.app import app
from worker.handover import run_all
from worker.jobs.asking import Asker, Source
from worker.jobs.errors import SyncError, WorkerLost
from worker.jobs.job import Job, Kind
from worker.jobs.routes import RERUN, SWEEP
from worker.ledger import Swept
from worker.ledger.upkeep import JOBS_AT_ONCE
from worker.telemetry import outcomes
from worker.telemetry.outcomes import announce

log = logging.getLogger(__name__)

PAGES = 200
"""How many pages one sweep sends at most, so that it ends before the next one is due."""


@app.task(base=ScheduledTask, name=SWEEP)
def sweep() -> dict[str, int]:
    """Send messages for the jobs that nobody else would run, and mend the ledger; see `tasks.sweeper`."""
    swept = [_swept(kind) for kind in Kind]
    for job in (job for each in swept for job in each.failed):
        _announce_lost(job)
    found = {name: sum(getattr(each, name) for each in swept) for name in ("due", "dead", "lost", "strays", "mended")}
    _log_sweep(found)
    app.runtime.ledger.forget_events()
    admit_due()
    return found


@app.task(base=RefusingTask, name=RERUN)
def rerun(kind: str, system_id: int, customer_id: str) -> dict[str, object]:
    """Run a job again from the start, with its attempts reset and today's configuration."""
    try:
        job = Job.read(kind, system_id, customer_id)
        app.runtime.connection(job.system_id)
    except SyncError as error:
        refuse_message(error, RERUN, system_id, customer_id)
        raise
    requested = run_all([job], app.runtime.ledger, Asker(Source.RERUN))
    return {"job": str(job), "version": requested[job]}


def _swept(kind: Kind) -> Swept:
    total = Swept()
    for _ in range(PAGES):
        found = app.runtime.ledger.sweep(kind, JOBS_AT_ONCE)
        total += found
        if found.most < JOBS_AT_ONCE:
            break
    return total


def _log_sweep(found: dict[str, int]) -> None:
    if any(found[name] for name in ("due", "dead", "lost")):
        log.info("sweep: %(due)d retries due, %(dead)d leases expired, %(lost)d messages lost", found)
    if found["strays"]:
        log.warning("sweep: %(strays)d places and slots belonged to no job and are free again", found)
    if found["mended"]:
        log.warning("sweep: Redis' clock was set back; %(mended)d jobs now go by the new time", found)


def _announce_lost(job: Job) -> None:
    """Report a failed job whose workers have died: they can't report it themselves."""
    record = app.runtime.ledger.record(job)
    tracking_guid = (record and record.tracking_guid) or ""
    announce(outcomes.FAILED, job, error=WorkerLost(), job=job, tracking_guid=tracking_guid)
