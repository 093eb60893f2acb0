"""`stamped-sync mapping`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from worker.cli.drift import cautioned
from worker.cli.ending import ALL_WELL
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


@click.command()
@only_system_option
@click.option("--example", is_flag=True, help="Print the default mapping, as a file to edit.")
def command(system: int | None, *, example: bool) -> int:
    """Show the mapping: which field of iPaaS.com goes where in Stamped.io.

    \b
    Examples:
      stamped-sync mapping
      stamped-sync mapping --system 4021
      stamped-sync mapping --example > mapping.toml

    Exit codes: 0 all well, 2 the configuration can't be read.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen()
    if example:
        screen.file(DEFAULT.read_text(encoding="utf-8"))
        return ALL_WELL
    settings = load_settings()
    connections = load_connections(settings.connections)
    for connection in screen.apart(connections if system is None else [chosen(connections, system)]):
        screen.heading(f"{connection.system_id} {connection.name}")
        screen.table(COLUMNS, map(_cells, connection.mapping.rows), prose=COLUMNS[-1])
        screen.line()
        screen.line(subscription_in_words(connection.mapping))
    cautioned(screen, open_ledger(settings, connections), connections)
    return ALL_WELL


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
