"""`stamped-sync mapping`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.drift import cautioned
from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.options import chosen, only_system_option
from worker.config.settings import load_settings
from worker.connections import load_connections
from worker.handover import open_ledger
from worker.mapping.mapping import DEFAULT
from worker.mapping.rows import RowType
from worker.presentation.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.mapping.mapping import Mapping
    from worker.mapping.rows import Row, Value

COLUMNS = ("Type", "Source", "Destination", "Level", "Description")
FILE = "mapping.toml"
"""The file that --import writes, if --output names no other."""


@click.command()
@only_system_option
@click.option("--example", is_flag=True, help="Print the default mapping, as a file to edit.")
@click.option("--import", "collection", metavar="ID", help="Write iPaaS.com's mapping collection ID as a mapping file.")
@click.option("--output", metavar="PATH", type=click.Path(path_type=Path), help="With --import: the file to write.")
@click.option("--force", is_flag=True, help="With --import: replace the file if it exists.")
def command(system: int | None, collection: str | None, output: Path | None, *, example: bool, force: bool) -> int:
    """Show the mapping: which field of iPaaS.com goes where in Stamped.io.

    With --import it reads a mapping collection of the connection's iPaaS.com and writes its rows to mapping.toml in
    this folder, or to --output. It writes all rows or nothing: whatever a mapping file can't say, such as a formula in
    C#, is shown with what to do. A file that exists is replaced only with --force. The connection should name the file
    only once it is written.

    \b
    Examples:
      stamped-sync mapping
      stamped-sync mapping --system 4021
      stamped-sync mapping --example > mapping.toml
      stamped-sync mapping --import 5120 --system 4021

    Exit codes: 0 all well; 1 something of the collection can't be imported, or iPaaS.com answers with an error; 2 wrong
    usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen()
    if collection is None and (output or force):
        raise click.UsageError("--output and --force belong to --import.")
    if example and collection is not None:
        raise click.UsageError("Choose either --example or --import.")
    if example:
        screen.file(DEFAULT.read_text(encoding="utf-8"))
        return ALL_WELL
    if collection is not None:
        return _import(screen, collection, system, output or Path(FILE), replaces=force)
    settings = load_settings()
    connections = load_connections(settings.connections)
    for connection in screen.apart(connections if system is None else [chosen(connections, system)]):
        screen.heading(connection.label)
        _show(screen, connection.mapping)
    cautioned(screen, open_ledger(settings, connections), connections)
    return ALL_WELL


def _import(screen: Screen, collection: str, system: int | None, output: Path, *, replaces: bool) -> int:
    # Showing a mapping must not wait for HTTP.
    from worker.cli.mapping_import import import_mapping  # noqa: PLC0415

    mapping = import_mapping(screen, collection, system, output, replaces=replaces)
    if mapping is None:
        return FAILED
    screen.line()
    _show(screen, mapping)
    return ALL_WELL


def _show(screen: Screen, mapping: Mapping) -> None:
    screen.table(COLUMNS, map(_cells, mapping.rows), prose=COLUMNS[-1])
    screen.line()
    screen.line(subscription_in_words(mapping))


def subscription_in_words(mapping: Mapping) -> str:
    """What a transfer does to subscriptions, above all of people who have unsubscribed by themselves."""
    if not mapping.maps_subscription:
        return "IsSubscribed is not mapped: the subscription in Stamped.io is left unchanged."
    if mapping.static_subscription is False:
        return "Every customer that is transferred is unsubscribed."
    if mapping.resubscribes:
        return (
            "A transfer subscribes every customer for whom IsSubscribed is true, also those who have unsubscribed in "
            "Stamped.io by themselves; with resubscribe = false in that row they stay unsubscribed."
        )
    return (
        "Whoever has unsubscribed in Stamped.io stays unsubscribed. A new customer is subscribed if IsSubscribed is "
        "true, and any customer is unsubscribed if it is false."
    )


def _cells(row: Row) -> Sequence[str]:
    return row.type, source_in_words(row), row.destination, row.level, row.description


def source_in_words(row: Row) -> str:
    """Where a row's value comes from, and what becomes of it on the way."""
    if row.type is RowType.STATIC:
        return _shown(row.value)
    words = [f"{_shown(text)} as {_shown(value)}" for text, value in row.translate.items()]
    if row.otherwise is not None:
        words.append(f"otherwise {_shown(row.otherwise)}")
    if row.default is not None:
        words.append(f"if empty {_shown(row.default)}")
    return f"{row.source}: {', '.join(words)}" if words else row.source


def _shown(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)
