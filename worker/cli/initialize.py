"""`stamped-sync initialize`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from tasks.initialize import count, go_on
from worker.app import app
from worker.cli.exit_codes import ALL_WELL, FAILED
from worker.cli.holds import in_short
from worker.cli.options import chosen, json_option, system_option
from worker.cli.outcome import titled
from worker.cli.pace import LongProgress
from worker.cli.sync import NO_WORKER
from worker.errors import SyncError
from worker.initialize import Census, Step
from worker.job import Kind
from worker.ledger import LedgerUnavailable
from worker.progress import Progress, Selection, TakenOver
from worker.screen import Screen, counted
from worker.times import local

if TYPE_CHECKING:
    from collections.abc import Callable

STALL_SECONDS: Final = 15
"""How long nothing may move before the reason is looked for."""
RESUMES: Final = "Run the same again and it goes on where it stopped."


@click.command()
@system_option
@click.option("--unlinked", is_flag=True, help="Only the customers that have no link to this system yet.")
@click.option("--limit", type=click.IntRange(1), metavar="K", help="At most so many customers; the next run goes on.")
@click.option("--restart", is_flag=True, help="Begin anew instead of going on where the last run stopped.")
@click.option("--dry-run", is_flag=True, help="Count the customers; write nothing.")
@json_option
def command(
    system: int | None, limit: int | None, *, unlinked: bool, restart: bool, dry_run: bool, as_json: bool
) -> int:
    """Transfer every customer of a connection once, or every customer without a link.

    The customers are read from iPaaS.com and requested a part at a time, so that only some 2,000 jobs wait in the
    ledger. A worker carries them out, behind whatever triggers ask for meanwhile.

    However a run ends, the next one with the same choice of customers goes on where it stopped; only one runs at a
    time. The pages of a list shift when customers are deleted meanwhile: `--unlinked`, afterwards, finds whom that
    left out.

    \b
    Examples:
      stamped-sync initialize --system 4021 --dry-run
      stamped-sync initialize --system 4021 --limit 100
      stamped-sync initialize --system 4021 --unlinked

    Exit codes: 0 all requested, 1 something failed, 2 wrong usage or configuration, 130 interrupted.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen(as_json=as_json)
    system_id = chosen(app.runtime.connections, system).system_id
    selection = Selection.UNLINKED if unlinked else Selection.ALL
    if dry_run:
        return _count(screen, system_id, selection, limit, as_json=as_json)
    progress = app.runtime.ledger.progress.begin(system_id, selection, restart=restart)
    _tell_beginning(screen, progress)
    try:
        step = _carried_on(progress, limit)
    except (SyncError, LedgerUnavailable, KeyboardInterrupt):
        screen.note(RESUMES)
        raise
    except TakenOver:
        screen.error("Another initialize of this connection has begun since; it goes on, and this one ends.")
        return FAILED
    return _tell_end(screen, step, as_json=as_json)


# Requesting -----------------------------------------------------------------------------------------------------------


def _tell_beginning(screen: Screen, progress: Progress) -> None:
    if progress.is_resumed:
        since = f"which began {local(progress.started_at)}; --restart begins anew"
        screen.note(f"Going on behind {counted(progress.requested, 'customer')} of the initialize {since}.")
    elif progress.last_ended_at:
        screen.note(f"The last initialize of these customers ended {local(progress.last_ended_at)}.")


def _carried_on(progress: Progress, limit: int | None) -> Step:
    """Request the customers and show how far it has come: the last step."""
    step = Step(progress)
    with LongProgress("Requested") as shown:
        stall = Stall(progress.system_id, shown.note)
        for step in go_on(progress, _resting(shown.note), limit=limit):
            shown.show(step.progress.requested, step.ahead, step.queued)
            stall.note(step)
    return step


def _tell_end(screen: Screen, step: Step, *, as_json: bool) -> int:
    progress, has_ended = step.progress, step.progress.ended_at is not None
    if as_json:
        screen.json(_as_json(step))
    else:
        screen.line(f"{counted(progress.requested, 'customer')} requested{'' if has_ended else ' so far'}.")
        if has_ended:
            screen.line("A worker carries them out: `stamped-sync status` shows how far, `failures list` what failed.")
        else:
            screen.line(f"About {step.ahead:,} are left. {RESUMES}")
    return _tell_unreadable(screen, step.unreadable)


def _as_json(step: Step) -> dict[str, Any]:
    progress = step.progress
    return {
        "system_id": progress.system_id,
        "selection": progress.selection,
        "state": "done" if progress.ended_at else "stopped",
        "requested": progress.requested,
        "unreadable": step.unreadable,
        "started_at": progress.started_at and progress.started_at.isoformat(),
        "ended_at": progress.ended_at and progress.ended_at.isoformat(),
    }


class Stall:
    """Looks for the reason when nothing moves for a while, and tells it once."""

    def __init__(
        self, system_id: int, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._system_id = system_id
        self._tell = tell
        self._clock = clock
        self._ask_at, self._is_told = clock() + STALL_SECONDS, False

    def note(self, step: Step) -> None:
        """Note where it stands."""
        if not step.is_waiting:
            self._move()
        elif not self._is_told and self._clock() >= self._ask_at:
            self._is_told = True
            self._tell_reason()

    def _move(self) -> None:
        self._ask_at, self._is_told = self._clock() + STALL_SECONDS, False

    def _tell_reason(self) -> None:
        if hold := app.runtime.ledger.hold_of(self._system_id):
            self._tell(f"Connection {self._system_id} is {in_short(hold)}. Its jobs wait, and so does this.")
            return
        counts = [app.runtime.ledger.counts(kind) for kind in Kind]
        if any(each.sent for each in counts) and not any(each.running for each in counts):
            self._tell(NO_WORKER)
        elif not any(each.sent or each.running for each in counts):
            self._tell("The store's throttle is used up: its jobs go on as it allows. `stamped-sync status` shows it.")


# Counting -------------------------------------------------------------------------------------------------------------


def _count(screen: Screen, system_id: int, selection: Selection, limit: int | None, *, as_json: bool) -> int:
    """Show what the list holds: the exit code."""
    census = _counted(system_id, selection, limit)
    facts = {
        "pages": census.pages,
        "customers": census.customers,
        "linked": census.linked,
        "unlinked": census.customers if selection is Selection.UNLINKED else census.unlinked,
        "without_email": census.without_email,
        "unreadable": census.unreadable,
    }
    if as_json:
        screen.json({"system_id": system_id, "selection": selection, "state": "counted", **facts})
    else:
        screen.heading(f"Connection {system_id}: nothing was requested")
        screen.facts({name.replace("_", " ").capitalize(): f"{number:,}" for name, number in facts.items()})
        unknown = facts["customers"] - facts["linked"] - facts["unlinked"]
        if unknown:
            screen.line(f"Of {counted(unknown, 'customer')} the list does not show whether there is a link.")
    return _tell_unreadable(screen, census.unreadable)


def _counted(system_id: int, selection: Selection, limit: int | None) -> Census:
    census = Census()
    with LongProgress("Counted") as shown:
        for census in count(system_id, selection, _resting(shown.note), limit=limit):
            shown.show(census.customers, census.ahead)
    return census


# Both -----------------------------------------------------------------------------------------------------------------


def _resting(tell: Callable[[str], None]) -> Callable[[SyncError, float], None]:
    def resting(error: SyncError, seconds: float) -> None:
        tell(f"{titled(error.failure)}: the list is read again in {seconds:.0f} s.")
        time.sleep(seconds)

    return resting


def _tell_unreadable(screen: Screen, unreadable: int) -> int:
    """Say how many entries were passed over: the exit code."""
    if not unreadable:
        return ALL_WELL
    screen.error(f"{counted(unreadable, 'entry', 'entries')} of the list had no iPaaS.com Customer ID: passed over.")
    return FAILED
