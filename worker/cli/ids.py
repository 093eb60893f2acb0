"""Reads the customer ids that a person gives, and refuses all bad ones at once."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING, Final, TextIO, cast

import click

from worker.jobs.errors import CustomerIdInvalid
from worker.presentation.ids import Given, checked, in_lines, separated
from worker.presentation.screen import counted, is_absent_or_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from worker.presentation.screen import Screen

LIST_OF_IDS: Final = click.File(encoding="utf-8-sig", errors="replace")
"""A parameter that is a file of ids, or - for standard input; bytes that are no text make a bad id, not a traceback."""


def read_ids(arguments: Sequence[str], files: Sequence[TextIO], screen: Screen) -> list[str]:
    """The ids from arguments and files, or else from a standard input that is no terminal; each once, in their order.

    Raises CustomerIdInvalid, once the bad ones were shown, and click's UsageError if there is none at all.
    """
    if not arguments and not files:
        files = [_standard_input()]
    found = checked(chain(_in_arguments(arguments), *map(_in_file, files)))
    for fault in found.faults:
        screen.error(fault)
    if found.faults_left_out:
        screen.note(f"  … and {found.faults_left_out:,} more")
    if found.fault_count:
        raise CustomerIdInvalid(f"{counted(found.fault_count, 'fault')} found; nothing was requested")
    if not found.ids:
        raise click.UsageError("There is no id in what was given.")
    return found.ids


def _standard_input() -> TextIO:
    if is_absent_or_terminal(sys.stdin):
        raise click.UsageError("Give customer ids, --file, or a list on standard input.")
    return cast("TextIO", LIST_OF_IDS.convert("-", None, None))


def _in_arguments(arguments: Iterable[str]) -> Iterator[Given]:
    for number, argument in enumerate(arguments, start=1):
        for text in separated(argument):
            yield Given(text, f"argument {number}")


def _in_file(file: TextIO) -> Iterator[Given]:
    return in_lines(file, "standard input" if file.name == "<stdin>" else file.name)
