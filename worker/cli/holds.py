"""`stamped-sync holds`, and what other commands show of holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.options import json_option
from worker.cli.pause import ledger_that_knows
from worker.cli.person import person
from worker.config.settings import load_settings
from worker.handover import open_ledger
from worker.jobs.asking import Asker, Source
from worker.presentation.screen import Screen
from worker.presentation.times import as_iso, clock, lasting, local, zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.ledger import Hold


@click.group(name="holds")
def command() -> None:
    """List the connections that are held, or end a hold.

    A connection is held when its store answers 429, refuses the credentials, or fails several times in a row. Its jobs
    wait in the ledger and use up no attempt; no other connection is slowed. A hold ends by itself: once its time
    is over, one job at a time tries the store, and the first that succeeds ends the hold.
    """


@command.command(name="list")
@json_option
def list_holds(*, as_json: bool) -> int:
    """List the held connections, why, and what to do.

    \b
    Examples:
      stamped-sync holds list
      stamped-sync holds list --json

    Exit codes: 0 all well, 2 Redis does not answer, or wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen, settings = Screen(), load_settings()
    holds = open_ledger(settings).holds()
    if as_json:
        for hold in holds:
            screen.json(as_json_object(hold))
    elif holds:
        show(screen, holds)
    else:
        screen.line("No connection is held.")
    return ALL_WELL


@command.command(name="release")
@click.argument("system", type=int, metavar="SYSTEM")
def release(system: int) -> int:
    """End the hold of a connection.

    SYSTEM is the connection's system id. Its jobs go on at once, so put the cause right first: a store that still
    fails is soon held again.

    \b
    Example:
      stamped-sync holds release 4021

    Exit codes: 0 released, 1 the connection is not held, 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen, ledger = Screen(), ledger_that_knows(system)
    is_released = ledger.release(system, Asker(Source.PERSON, person()))
    if is_released:
        screen.line(f"Connection {system} is no longer held.")
    paused = ledger.hold_of(system)
    if paused and paused.is_paused:
        screen.error(f"Connection {system} is {in_short(paused)}.")
    elif not is_released:
        screen.error(f"Connection {system} is not held; `stamped-sync holds list` shows those that are.")
    return ALL_WELL if is_released else FAILED


# What other commands show ---------------------------------------------------------------------------------------------


def show(screen: Screen, holds: Sequence[Hold]) -> None:
    """A table of the holds, and for each reason what to do."""
    rows = [(str(hold.system_id), clock(hold.since), _until(hold), hold.failure.headline) for hold in holds]
    screen.table(["Held", f"since ({zone(hold.since for hold in holds)})", "until", "because of"], rows)
    if not all(hold.is_paused for hold in holds):
        screen.line(
            "Their jobs wait, and go on by themselves; `stamped-sync holds release SYSTEM` ends a hold at once."
        )
    for failure in {hold.code: hold.failure for hold in holds}.values():
        screen.section(failure.headline)
        screen.failure(failure)


def in_short(hold: Hold) -> str:
    """A hold in one line."""
    if hold.is_paused:
        detail = f" ({hold.failure.detail})" if hold.failure.detail else ""
        return f"paused since {local(hold.since)}{detail}: `stamped-sync resume {hold.system_id}` lets its jobs go on"
    return f"held since {local(hold.since)}, {_until(hold)}: {hold.failure.headline}"


def as_json_object(hold: Hold) -> dict[str, object]:
    """The object that a program reads."""
    return {
        "system_id": hold.system_id,
        "since": as_iso(hold.since),
        "until": as_iso(hold.ends_at),
        "error": hold.failure.as_json(),
    }


def _until(hold: Hold) -> str:
    """Until when the store gets no job; after that it is tried with one at a time."""
    if hold.is_paused:
        return "somebody resumes it"
    if hold.is_over:
        return "now being tried again"
    return f"for {lasting(max(hold.until - datetime.now(UTC), timedelta()))} more, until {local(hold.until)}"
