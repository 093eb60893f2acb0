"""Reads the customer ids that a person gives, and refuses all bad ones at once."""

from __future__ import annotations

import sys
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final, TextIO

import click

from worker.jobs.errors import CustomerIdInvalid
from worker.jobs.job import customer_id
from worker.presentation.ids import UNDECODED, Given, checked, in_lines, no_id, separated
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from worker.presentation.screen import Screen

LIST_OF_IDS: Final = click.File(encoding="utf-8-sig", errors=UNDECODED)
"""A parameter that is a file of ids, or - for standard input."""


def one_id(text: str) -> str:
    """The type of a parameter that is an id. Raises BadParameter, which repeats on the terminal what was given."""
    try:
        return customer_id(text)
    except CustomerIdInvalid:
        raise click.BadParameter(no_id(text)) from None


def read_ids(arguments: Sequence[str], files: Sequence[TextIO], screen: Screen) -> list[str]:
    """The ids from arguments and files, or from standard input if neither is given; each once, in their order.

    Raises CustomerIdInvalid after showing the bad ones, and click's UsageError for no id at all or another encoding.
    """
    if not arguments and not files:
        files = [piped(LIST_OF_IDS, "Give customer ids, --file, or a list on standard input.")]
    in_files = (in_lines(each, name_of(each)) for each in files)
    found = checked(chain(_in_arguments(arguments), *in_files))
    if not found.is_text:
        raise click.UsageError(found.faults[0])
    for fault in found.faults:
        screen.error(fault)
    if found.faults_left_out:
        screen.note(f"  … and {found.faults_left_out:,} more")
    if found.fault_count:
        raise CustomerIdInvalid(f"{counted(found.fault_count, 'fault')} found; nothing was requested")
    if not found.ids:
        raise click.UsageError("There is no id in what was given.")
    return found.ids


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
        for text in separated(argument):
            yield Given(text, f"argument {number}")
