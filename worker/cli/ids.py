"""Reads what a person gives to name customers, and refuses all that is wrong with it at once."""

from __future__ import annotations

import sys
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final, TextIO

import click

from worker.cli.ending import WRONG
from worker.jobs.errors import CustomerIdInvalid
from worker.jobs.job import customer_id
from worker.presentation.id_lists import at, in_lines
from worker.presentation.ids import AT, NOTHING_LOOKED_UP, UNDECODED, Unclear, checked, email_at, encoding_fault, no_id
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from worker.presentation.ids import Checked, Email, Given, LookedUp
    from worker.presentation.screen import Screen

LIST_OF_IDS: Final = click.File(encoding="utf-8-sig", errors=UNDECODED)
"""A parameter that is a file of ids, or - for standard input."""


class FaultsFound(click.ClickException):
    """Not all that was given names a customer. The faults have been shown, and they say what to do."""

    exit_code = WRONG


def one_id(text: str) -> str:
    """The type of a parameter that is an id. Raises BadParameter, which repeats on the terminal what was given."""
    try:
        return customer_id(text)
    except CustomerIdInvalid:
        raise click.BadParameter(no_id(text)) from None


def one_customer(text: str) -> str | Email:
    """The type of a parameter that is an id or an e-mail address. Raises BadParameter, which repeats no address."""
    if not AT.search(text) or encoding_fault(text):
        return one_id(text)
    try:
        return email_at(text, "argument 1")
    except Unclear as error:
        raise click.BadParameter(str(error)) from None


def read_ids(arguments: Sequence[str], files: Sequence[TextIO], screen: Screen) -> list[str]:
    """The ids from arguments and files, each once, in their order; nothing else is taken.

    Raises what `read_customers` and `refuse_faults` raise.
    """
    given = read_customers(arguments, files, takes_emails=False)
    refuse_faults(screen, given)
    return given.ids()


def read_customers(arguments: Sequence[str], files: Sequence[TextIO], *, takes_emails: bool = True) -> Checked:
    """What arguments and files name, or standard input if neither is given; each once, in their order.

    Raises click's UsageError for no id at all, or another encoding.
    """
    if not arguments and not files:
        files = [piped(LIST_OF_IDS, "Give customer ids, --file, or a list on standard input.")]
    in_files = (in_lines(each, name_of(each)) for each in files)
    given = checked(chain(_in_arguments(arguments), *in_files), takes_emails=takes_emails)
    if not given.is_text:
        raise click.UsageError(given.faults[0])
    if not given.entries and not given.faults:
        raise click.UsageError("There is no id in what was given.")
    return given


def refuse_faults(screen: Screen, given: Checked, found: LookedUp = NOTHING_LOOKED_UP) -> None:
    """Show everything that is wrong, if anything is. Raises CustomerIdInvalid, or FaultsFound if no id is wrong."""
    for fault in given.faults:
        screen.error(fault)
    if given.faults_left_out:
        screen.note(f"  … and {given.faults_left_out:,} more")
    for fault in found.faults:
        screen.error(fault)
    count = given.fault_count + len(found.faults)
    if count:
        summary = f"{counted(count, 'fault')} found; nothing was requested"
        raise CustomerIdInvalid(summary) if given.has_bad_id else FaultsFound(f"{summary}.")


def piped(kind: click.File, usage: str) -> Any:
    """Standard input, opened as `kind` says. Raises UsageError if nobody has piped anything into it."""
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError(usage)
    return kind.convert("-", None, None)


def name_of(file: IO[Any]) -> str:
    """What a file is called in an error."""
    return "standard input" if file.name in {"<stdin>", 0} else file.name


def _in_arguments(arguments: Iterable[str]) -> Iterator[Given]:
    for number, argument in enumerate(arguments, start=1):
        yield from at(f"argument {number}", argument)
