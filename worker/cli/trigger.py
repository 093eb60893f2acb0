"""`stamped-sync trigger`."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

import click

from worker.cli.ending import AGAIN, ALL_WELL, WRONG, jobs_go_on, redis_silent
from worker.cli.ids import name_of, piped
from worker.cli.options import json_option
from worker.handover import opened, submit
from worker.jobs.errors import TriggerOff
from worker.ledger import LedgerUnavailable
from worker.presentation.screen import Screen
from worker.presentation.verdicts import as_json as verdicts_as_json
from worker.presentation.verdicts import error_as_json
from worker.sync.triggers import LONGEST_TRIGGER_BYTES, Accepted, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.sync.triggers import Verdict

TRIGGER_FILE: Final = click.File("rb")


@click.command()
@click.argument("file", type=TRIGGER_FILE, required=False, metavar="[FILE]")
@json_option
def command(file: BinaryIO | None, *, as_json: bool) -> int:
    """Hand over a trigger of iPaaS.com: its JSON, from a file or standard input.

    Each notification is accepted or refused on its own. What is accepted is in the ledger when the command ends;
    what is refused is also listed by `stamped-sync failures list`. --json prints what `stamped-sync listen` answers: a
    verdict for each notification, or an error.

    \b
    Examples:
      stamped-sync trigger trigger.json
      curl https://listener.example.com/last | stamped-sync trigger
      stamped-sync trigger trigger.json --json

    Exit codes: 0 all accepted, or noted because the trigger is switched off; 2 something was refused, or wrong usage
    or configuration; 75 Redis does not answer: send the trigger again, which does no harm.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen()
    # One byte more than is allowed is enough to know that it is too long.
    file = file or piped(TRIGGER_FILE, "Give a file, or the trigger on standard input.")
    trigger = file.read(LONGEST_TRIGGER_BYTES + 1)
    settings, connections, ledger = opened()
    try:
        with jobs_go_on():
            verdicts = submit(trigger, connections, ledger)
    except LedgerUnavailable as error:
        if as_json:
            screen.json(error_as_json(error.failure))
        screen.error(redis_silent(error, settings.redis_url_shown))
        return AGAIN
    if as_json:
        return _printed(screen, verdicts)
    name = name_of(file)
    return max([_show(screen, name, number, each) for number, each in enumerate(verdicts, start=1)], default=ALL_WELL)


def _printed(screen: Screen, verdicts: Sequence[Verdict]) -> int:
    """Print what became of the notifications for a program: the exit code."""
    refused = [each for each in verdicts if isinstance(each, Refused)]
    is_unread = any(not each.position for each in refused)
    screen.json(error_as_json(refused[0].error.failure) if is_unread else verdicts_as_json(verdicts))
    return ALL_WELL if all(isinstance(each.error, TriggerOff) for each in refused) else WRONG


def _show(screen: Screen, name: str, number: int, verdict: Verdict) -> int:
    """Say what became of one notification: its exit code. Raises the error of a file that holds no trigger."""
    if isinstance(verdict, Accepted):
        screen.mark(f"{number} accepted: {verdict.job}", is_good=True)
        return ALL_WELL
    if not verdict.position:
        raise type(verdict.error)(f"{name}: {verdict.error.failure.detail}")
    if isinstance(verdict.error, TriggerOff):
        screen.line(f"- {number} noted: {_named(verdict)}{verdict.error.failure.headline}")
        return ALL_WELL
    screen.mark(f"{number} refused: {name}: {_named(verdict)}{verdict.error.failure.headline}", is_good=False)
    screen.failure(verdict.error.failure)
    return WRONG


def _named(refused: Refused) -> str:
    """What may be shown of a refused notification."""
    name = f"{refused.scope} {f'{refused.system_id}/{refused.customer_id}'.strip('/')}".strip()
    return f"{name}: " if name else ""
