"""`stamped-sync history`, and the same as `failures show`: all that is known of a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.ids import one_id
from worker.cli.job_lines import attempt_as_json, record_as_json, show_attempts
from worker.cli.options import json_option, kind_option, only_system_option
from worker.config.settings import load_settings
from worker.connections import load_connections
from worker.handover import open_ledger
from worker.jobs.job import Job, Kind
from worker.ledger.outcome import MISSING
from worker.presentation.events import WITHOUT_ATTEMPT, without_attempt
from worker.presentation.screen import Screen
from worker.presentation.times import local

if TYPE_CHECKING:
    from worker.config.settings import Settings
    from worker.ledger import Ledger, Record


@click.command()
@click.argument("customer", type=one_id, metavar="ID")
@only_system_option
@kind_option
@json_option
def command(customer: str, system: int | None, kind: str | None, *, as_json: bool) -> int:
    """Show a customer's whole life: its jobs as they stand, and every attempt, whoever asked for it.

    Attempts are remembered for 7 days (STAMPED_SYNC_DONE_DAYS), also of a job that is no longer kept.

    \b
    Examples:
      stamped-sync history 150713
      stamped-sync history 150713 --system 4021 --kind subscription --json

    Exit codes: 0 all well, 1 nothing is known of this customer, 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen, settings = Screen(), load_settings()
    ledger = open_ledger(settings)
    systems = _systems(settings, ledger) if system is None else [system]
    jobs = [Job(each, system_id, customer) for system_id in systems for each in ([Kind(kind)] if kind else Kind)]
    lives = [(job, record, ledger.events.life_of(job)) for job, record in zip(jobs, ledger.records(jobs), strict=True)]
    known = [each for each in lives if each[1] or each[2]]
    for job, record, life in known if as_json else screen.apart(known):
        if as_json:
            screen.json(_as_json(job, record) | {"attempts": [attempt_as_json(event) for event in life]})
        else:
            _show(screen, job, record)
            if record and without_attempt(record, life):
                screen.prose(f"{local(record.changed_at)}: {WITHOUT_ATTEMPT}")
            show_attempts(screen, life)
    if not known:
        screen.error(f"The ledger holds no job of customer {customer}, and remembers none.")
    return ALL_WELL if known else FAILED


def _as_json(job: Job, record: Record | None) -> dict[str, object]:
    if record:
        return record_as_json(record)
    return {"system_id": job.system_id, "customer_id": job.customer_id, "kind": job.kind, "state": MISSING}


def _systems(settings: Settings, ledger: Ledger) -> list[int]:
    """The configured connections, and those that are no longer configured and once had a job."""
    configured = [each.system_id for each in load_connections(settings.connections)]
    return [*configured, *sorted(set(ledger.systems()).difference(configured))]


def _show(screen: Screen, job: Job, record: Record | None) -> None:
    name = f"{job.kind.capitalize()} {job.system_id}/{job.customer_id}"
    if record is None:
        screen.heading(f"{name}: no longer kept")
        return
    screen.heading(f"{name}: {record.state}")
    screen.facts(
        {
            "Action": record.action or "",
            "Stamped.io id": record.stamped_id or "",
            "Shared with": f"customer {record.shared_with}" if record.shared_with else "",
            "First requested": local(record.requested_at),
            "Last changed": local(record.changed_at),
            "Next try": local(record.due),
            "Failed attempts": str(record.attempt),
            "Versions": f"{record.wanted} wanted, {record.settled} settled",
            "Tracking guid": record.tracking_guid or "",
        }
    )
    if record.failure:
        screen.line(f"  {record.failure.headline}", "red")
        screen.failure(record.failure, indent=4)
