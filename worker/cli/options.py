"""Options that several commands share: what they choose, and the question that --yes answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from worker.config.faults import unknown
from worker.jobs.catalogue import CATALOGUE
from worker.jobs.errors import ConnectionUnknown
from worker.jobs.job import Kind

if TYPE_CHECKING:
    from worker.connections import Connection, Connections


class _Code(click.ParamType[str]):
    """A code of the catalogue; for a mistyped one, the error suggests the nearest."""

    name = "code"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The code itself."""
        if value not in CATALOGUE:
            self.fail(unknown(value, "code", list(CATALOGUE)), param, ctx)
        return value


CODE: Final = _Code()

system_option = click.option(
    "--system",
    type=int,
    metavar="N",
    help="The connection's system id; not needed if there is only one connection.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
kind_option = click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    metavar="KIND",
    help="Only jobs of this kind: customer or subscription.",
)
code_option = click.option(
    "--code",
    type=CODE,
    metavar="CODE",
    help="Only this error; `stamped-sync errors` lists the codes.",
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
only_system_option = click.option("--system", type=int, metavar="N", help="Only this connection, by its system id.")


def chosen(connections: Connections, system_id: int | None) -> Connection:
    """The connection of a system id, or the only one there is.

    Raises ConnectionUnknown, and click's UsageError if there are several to choose from.
    """
    if system_id is None:
        if len(connections) > 1:
            raise click.UsageError(f"There are several connections; choose one with --system N: {connections}.")
        return next(iter(connections))
    connection = connections.get(system_id)
    if connection is None:
        raise ConnectionUnknown(f"{system_id}; configured: {connections}")
    return connection


def require_somebody(question: str) -> None:
    """Raise click's UsageError if there is no terminal, and so nobody to answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is nobody to ask here: add --yes.")


def confirmed(question: str) -> bool:
    """Whether somebody says yes. Raises click's UsageError if there is nobody."""
    require_somebody(question)
    return click.confirm(question, err=True)
