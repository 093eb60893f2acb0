"""Reads the customer ids that a person gives, and refuses all bad ones at once."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, TextIO, cast

import click

from worker.errors import CustomerIdInvalid
from worker.job import customer_id
from worker.screen import counted, is_absent_or_terminal, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from worker.screen import Screen

LIST_OF_IDS: Final = click.File(encoding="utf-8-sig", errors="replace")
"""A parameter that is a file of ids, or - for standard input; bytes that are no text make a bad id, not a traceback."""
LONGEST_SHOWN: Final = 40
"""Characters that are shown of what is no id: it may be anything, an e-mail address too."""

FAULTS_SHOWN: Final = 20
"""So many bad ids are shown; of a file that is no list of ids, more would say no more."""
PROBLEM: Final = "is not a whole number of 1 to 19 digits that does not start with 0"


@dataclass(frozen=True, slots=True)
class Given:
    """A text that should be an id, and where it stands."""

    text: str
    place: str


def read_ids(arguments: Sequence[str], files: Sequence[TextIO], screen: Screen) -> list[str]:
    """The ids from arguments and files, or else from a standard input that is no terminal; each once, in their order.

    Raises CustomerIdInvalid, once the bad ones were shown, and click's UsageError where there is none at all.
    """
    if not arguments and not files:
        files = [_standard_input()]
    given = chain(_in_arguments(arguments), *map(_in_file, files))
    ids: dict[str, None] = {}
    bad = 0
    for each in given:
        try:
            ids[customer_id(each.text)] = None
        except CustomerIdInvalid:
            bad += 1
            if bad <= FAULTS_SHOWN:
                screen.error(f"{each.place}: '{shortened(each.text, LONGEST_SHOWN)}' {PROBLEM}")
    if bad > FAULTS_SHOWN:
        screen.note(f"  … and {bad - FAULTS_SHOWN:,} more")
    if bad:
        raise CustomerIdInvalid(f"{counted(bad, 'fault')} found; nothing was requested")
    if not ids:
        raise click.UsageError("There is no id in what was given.")
    return list(ids)


def _standard_input() -> TextIO:
    if is_absent_or_terminal(sys.stdin):
        raise click.UsageError("Give customer ids, --file, or a list on standard input.")
    return cast("TextIO", LIST_OF_IDS.convert("-", None, None))


def _in_arguments(arguments: Iterable[str]) -> Iterator[Given]:
    for number, argument in enumerate(arguments, start=1):
        for text in _separated(argument):
            yield Given(text, f"argument {number}")


def _in_file(file: TextIO) -> Iterator[Given]:
    name = "standard input" if file.name == "<stdin>" else file.name
    for number, line in enumerate(file, start=1):
        for text in _separated(line.partition("#")[0]):
            yield Given(text, f"{name}, line {number}")


def _separated(text: str) -> list[str]:
    return text.replace(",", " ").split()
