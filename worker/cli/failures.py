"""`stamped-sync failures`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.cli import history
from worker.cli.ending import ALL_WELL
from worker.cli.failure_changes import discard, rerun, rerun_by_its_old_name
from worker.cli.job_lines import record_as_json
from worker.cli.options import code_option, json_option, kind_option, only_system_option
from worker.config.settings import load_settings
from worker.handover import open_ledger
from worker.jobs.job import Kind, State
from worker.ledger.views.activity import Filter
from worker.presentation.screen import Screen
from worker.presentation.times import as_iso, clock, zone
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from worker.ledger import Record, Refusal

LIST_LENGTH = 50
LONGEST_LIST = 1_000_000


@click.group(name="failures")
def command() -> None:
    """List, show, rerun or discard failed jobs.

    A failed job stays in the ledger for 30 days (STAMPED_SYNC_FAILED_DAYS) and can be rerun until then. Failed
    subscription jobs are retried by themselves, every hour for 7 days.
    """


# List ----------------------------------------------------------------------------------------------------------------


@command.command(name="list")
@code_option
@only_system_option
@kind_option
@click.option(
    "--limit",
    type=click.IntRange(1, LONGEST_LIST),
    default=LIST_LENGTH,
    show_default=True,
    metavar="N",
    help="How many to show at most.",
)
@json_option
def list_failures(code: str | None, system: int | None, kind: str | None, limit: int, *, as_json: bool) -> int:
    """List failed jobs, newest first.

    Notifications that were refused are listed after them.

    \b
    Examples:
      stamped-sync failures list
      stamped-sync failures list --code email-missing --limit 500 --json

    Exit codes: 0 all well, 2 Redis does not answer, or wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen, ledger = Screen(), open_ledger(load_settings())
    wanted = Filter(system, Kind(kind) if kind else None, State.FAILED, code or "")
    failed, total = ledger.activity.page(wanted, size=limit).records, ledger.activity.count(wanted)
    refused = [each for each in ledger.refusals(limit=ledger.refused().count) if _is_meant(each, wanted)][:limit]
    if as_json:
        for record in failed:
            screen.json(record_as_json(record))
        for refusal in refused:
            screen.json(_refusal_as_json(refusal))
    else:
        _show_list(
            screen, failed, total, none="No failed job fits." if code or system or kind else "No job has failed."
        )
        _show_refusals(screen, refused)
    return ALL_WELL


def _show_list(screen: Screen, failed: list[Record], total: int, *, none: str) -> None:
    if not failed:
        screen.line(none)
        return
    rows = [
        (
            clock(record.changed_at),
            record.job.kind,
            f"{record.job.system_id}/{record.job.customer_id}",
            record.failure.headline if record.failure else "",
        )
        for record in failed
    ]
    screen.table([f"Failed at ({zone(each.changed_at for each in failed)})", "Kind", "Customer", "Error"], rows)
    shown = f", the newest {len(failed):,} are shown" if total > len(failed) else ""
    screen.line()
    screen.line(f"{counted(total, 'failed job')}{shown}. `stamped-sync failures show ID` shows what to do.")


def _is_meant(refusal: Refusal, wanted: Filter) -> bool:
    """Whether a refused notification is meant; it has no kind."""
    is_system = wanted.system_id is None or str(wanted.system_id) == refusal.system_id
    return wanted.kind is None and wanted.code in {"", refusal.code} and is_system


def _show_refusals(screen: Screen, refused: list[Refusal]) -> None:
    if not refused:
        return
    screen.section(f"Refused notifications; times in {zone(each.at for each in refused)}")
    for refusal in refused:
        customer = f"{refusal.system_id}/{refusal.customer_id}".strip("/")
        screen.line(" ".join(filter(None, [clock(refusal.at), refusal.place, refusal.scope, customer])))
        screen.prose(": ".join(filter(None, [refusal.failure.headline, refusal.detail])), indent=4)


def _refusal_as_json(refusal: Refusal) -> dict[str, object]:
    return {
        "kind": "notification",
        "state": "refused",
        "trigger_id": refusal.trigger_id,
        "position": refusal.position,
        "system_id": refusal.system_id,
        "scope": refusal.scope,
        "customer_id": refusal.customer_id,
        "at": as_iso(refusal.at),
        "error": refusal.failure.as_json(),
    }


command.add_command(history.command, "show")
command.add_command(rerun)
command.add_command(rerun_by_its_old_name, "retry")
command.add_command(discard)
