"""`stamped-sync initialize`."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from worker.by_hand.initialize import count, go_on
from worker.cli.drift import agreed
from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.holds import in_short
from worker.cli.options import chosen, json_option, system_option
from worker.cli.pace import LongProgress
from worker.jobs.errors import SyncError
from worker.jobs.job import Kind
from worker.jobs.progress import Progress, ProgressLost, Selection, TakenOver
from worker.ledger import LedgerUnavailable
from worker.presentation.figures import NO_WORKER, PATIENCE_SECONDS, seems_idle
from worker.presentation.screen import Screen
from worker.presentation.times import as_iso, local
from worker.presentation.wording import counted
from worker.runtime import Runtime
from worker.sync.census import Census
from worker.sync.initialize import Step
from worker.sync.place import Heading, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ledger import Ledger

RESUMES: Final = "Run the same again and it goes on where it stopped."


@click.command()
@system_option
@click.option("--unlinked", is_flag=True, help="Only the customers that have no link to this system yet.")
@click.option("--limit", type=click.IntRange(1), metavar="K", help="At most K customers; the next run goes on.")
@click.option("--restart", is_flag=True, help="Begin anew, not where the last run stopped.")
@click.option(
    "--dry-run", is_flag=True, help="Count the customers in one reading of the list; write nothing. Needs no Redis."
)
@json_option
def command(
    system: int | None, limit: int | None, *, unlinked: bool, restart: bool, dry_run: bool, as_json: bool
) -> int:
    """Transfer every customer of a connection once, or every customer without a link.

    The customers are read from iPaaS.com and requested a part at a time, so that only about 2,000 jobs wait in the
    ledger. A worker carries them out, after everything that triggers ask for in the meantime.

    The pages of the list shift when customers are added or deleted while it is read. So the list is read forwards, and
    then backwards until a reading proves that it left out nobody who was on the list all the time. The last lines say
    whether one did.

    It begins once all processes go by the configuration as it stands in the files, for which it waits a minute.

    However a run ends, the next one with the same choice of customers goes on where it stopped; only one runs at a
    time. If iPaaS.com or Redis does not answer, the command tries again for some minutes.

    \b
    Examples:
      stamped-sync initialize --system 4021 --dry-run
      stamped-sync initialize --system 4021 --limit 100
      stamped-sync initialize --system 4021 --unlinked

    Exit codes: 0 all requested, 1 something failed or somebody may have been left out, 2 wrong usage or configuration,
    130 interrupted.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen(as_json=as_json)
    runtime = Runtime.build()
    system_id = chosen(runtime.connections, system).system_id
    selection = Selection.UNLINKED if unlinked else Selection.ALL
    if dry_run:
        return _count(screen, runtime, system_id, selection, limit, as_json=as_json)
    if not agreed(screen, runtime.ledger, runtime.connections):
        screen.note("Nothing was requested: every customer would be transferred by whichever process takes its job.")
        return FAILED
    progress = runtime.ledger.progress.begin(system_id, selection, restart=restart)
    _note_beginning(screen, progress)
    step = _requested(screen, runtime, progress, limit)
    return _show_end(screen, step, as_json=as_json) if step else FAILED


# Requesting -----------------------------------------------------------------------------------------------------------


def _requested(screen: Screen, runtime: Runtime, progress: Progress, limit: int | None) -> Step | None:
    """Request the customers: the last step, or None if this initialize is not this one's any more."""
    try:
        return _carried_on(runtime, progress, limit)
    except (SyncError, LedgerUnavailable, KeyboardInterrupt):
        screen.note(RESUMES)
        raise
    except ProgressLost:
        screen.error("Redis was emptied and no longer holds this initialize. Run the same again; it begins anew.")
    except TakenOver:
        screen.error("Another initialize of this connection has begun since; it goes on, and this one ends.")
    return None


def _note_beginning(screen: Screen, progress: Progress) -> None:
    if progress.is_resumed:
        since = f"which began {local(progress.started_at)}; --restart begins anew"
        screen.note(f"Going on behind {counted(progress.requested, 'customer')} of the initialize {since}.")
    elif progress.last_ended_at:
        screen.note(f"The last initialize of these customers ended {local(progress.last_ended_at)}.")


def _carried_on(runtime: Runtime, progress: Progress, limit: int | None) -> Step:
    """Request the customers and show how far it has come: the last step."""
    step = Step(progress, Place.read(progress.position))
    with LongProgress("Requested") as shown:
        stall = Stall(runtime.ledger, progress.system_id, shown.note)
        for step in go_on(runtime, progress, _resting(shown.note), limit=limit):
            _show(shown, step)
            stall.look(step)
    return step


def _show(shown: LongProgress, step: Step) -> None:
    place, requested = step.place, step.progress.requested
    if place.heading is Heading.FORTH:
        shown.show(requested, step.ahead, step.queued)
    else:
        pages = max(place.last, place.page)
        text = f"{requested:,}; checking for anyone missed, reading {place.reading}, page {place.page:,}"
        shown.show_as(pages - place.page, pages, text)


def _show_end(screen: Screen, step: Step, *, as_json: bool) -> int:
    progress, place = step.progress, step.place
    if as_json:
        screen.json(_as_json(step))
    elif not place.has_ended:
        screen.line(f"{counted(progress.requested, 'customer')} requested so far.")
        screen.line(f"About {step.ahead:,} are left. {RESUMES}" if step.ahead else RESUMES)
    else:
        more = f" {place.in_hand:,} more already had a job." if place.in_hand else ""
        screen.line(f"{counted(progress.requested, 'customer')} requested.{more} {proof(place)}")
        if progress.requested or place.in_hand:
            screen.line("A worker carries them out: `stamped-sync status` shows how far, `failures list` what failed.")
    return _show_errors(screen, [*(gaps(place) if place.has_ended else []), *_unreadable(place.all_unreadable)])


def proof(place: Place) -> str:
    """How often the list was read, and what the last reading found."""
    if place.reading == 1:
        return "iPaaS.com answered the whole list at once."
    found = f"{counted(place.found, 'customer')} more" if place.found else "nobody new"
    changed = "" if place.is_settled else " and changed each time"
    added = ", added meanwhile" if place.is_settled and place.found else ""
    return f"The list was read {place.reading} times{changed}; the last reading found {found}{added}."


def gaps(place: Place) -> list[str]:
    """Why it is not certain, at the end, that everybody was requested."""
    reasons = _ended_short(place.last, place.short_of)
    if place.hollow:
        reasons.append(f"{counted(place.hollow, 'page')} of the list held nobody, or the page before over again.")
    if not place.is_settled and place.found:
        reasons.append("Somebody may have been left out. Run the same again, best while fewer customers are changed.")
    return reasons


def _as_json(step: Step) -> dict[str, Any]:
    progress, place = step.progress, step.place
    return {
        "system_id": progress.system_id,
        "selection": progress.selection,
        "state": "done" if progress.ended_at else "stopped",
        "requested": progress.requested,
        "in_hand": place.in_hand,
        "readings": place.reading,
        "found_last": place.found,
        "complete": place.is_complete,
        "pages": place.last,
        "pages_announced": max(place.short_of, place.last),
        "pages_hollow": place.hollow,
        "unreadable": place.all_unreadable,
        "started_at": as_iso(progress.started_at),
        "ended_at": as_iso(progress.ended_at),
    }


class Stall:
    """Looks for the reason when nothing moves for a while, and notes it once."""

    def __init__(self, ledger: Ledger, system_id: int, note: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._system_id = system_id
        self._note = note
        self._ask_at = time.monotonic() + PATIENCE_SECONDS

    def look(self, step: Step) -> None:
        """Look whether a step has moved on."""
        if not step.is_waiting:
            self._ask_at = time.monotonic() + PATIENCE_SECONDS
        elif time.monotonic() >= self._ask_at:
            self._ask_at = math.inf
            with suppress(LedgerUnavailable):  # The initialize meets that too, and says so.
                self._note_reason()

    def _note_reason(self) -> None:
        ledger = self._ledger
        if hold := ledger.hold_of(self._system_id):
            self._note(f"Connection {self._system_id} is {in_short(hold)}. Its jobs wait, and so does this command.")
        elif seems_idle(counts := [ledger.counts(kind) for kind in Kind]):
            self._note(NO_WORKER)
        elif not any(each.sent or each.running for each in counts):
            self._note("The store's throttle is used up: its jobs go on as it allows. `stamped-sync status` shows it.")


# Counting -------------------------------------------------------------------------------------------------------------


def _count(
    screen: Screen, runtime: Runtime, system_id: int, selection: Selection, limit: int | None, *, as_json: bool
) -> int:
    """Show what the list holds: the exit code."""
    census = _counted(runtime, system_id, selection, limit)
    facts = {
        "pages": census.pages,
        "customers": census.customers,
        "linked": census.linked,
        "unlinked": census.customers if selection is Selection.UNLINKED else census.unlinked,
        "without_email": census.without_email,
        "unreadable": census.unreadable,
    }
    if as_json:
        screen.json({"system_id": system_id, "selection": selection, "state": "counted", "readings": 1, **facts})
    else:
        screen.heading(f"Connection {system_id}: nothing was requested")
        screen.facts({name.replace("_", " ").capitalize(): f"{number:,}" for name, number in facts.items()})
        unknown = facts["customers"] - facts["linked"] - facts["unlinked"]
        if unknown:
            have = "has" if unknown == 1 else "have"
            screen.line(f"The list does not show whether {counted(unknown, 'customer')} {have} a link.")
        screen.line(
            "These are figures of one reading: customers added or deleted during it may be missing, or counted twice."
        )
    errors = [*_ended_short(census.pages, census.short_of), *_unreadable(census.unreadable)]
    return _show_errors(screen, errors)


def _counted(runtime: Runtime, system_id: int, selection: Selection, limit: int | None) -> Census:
    census = Census()
    with LongProgress("Counted") as shown:
        for census in count(runtime, system_id, selection, _resting(shown.note), limit=limit):
            shown.show(census.customers, census.ahead)
    return census


# Both -----------------------------------------------------------------------------------------------------------------


def _resting(note: Callable[[str], None]) -> Callable[[SyncError, float], None]:
    def resting(error: SyncError, seconds: float) -> None:
        note(f"{error.failure.headline}: tried again in {seconds:.0f} s.")
        time.sleep(seconds)

    return resting


def _ended_short(last: int, announced: int) -> list[str]:
    """What is said of a list that has fewer pages than it announced."""
    return [f"iPaaS.com's list ended after page {last:,} of {announced:,} announced."] if last < announced else []


def _unreadable(count: int) -> list[str]:
    """What is said of entries that can't be requested."""
    entries = counted(count, "entry", "entries")
    return [f"{entries} of the list had no iPaaS.com Customer ID: skipped."] if count else []


def _show_errors(screen: Screen, errors: list[str]) -> int:
    """Show why the result is not complete, if so: the exit code."""
    for error in errors:
        screen.error(error)
    return FAILED if errors else ALL_WELL
