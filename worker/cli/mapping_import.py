"""`stamped-sync mapping --import`: writes a mapping collection of iPaaS.com as a mapping file."""

from __future__ import annotations

import json
import os
import re
import uuid
from typing import TYPE_CHECKING, Final

import click

from worker.cli.options import chosen
from worker.mapping.importing import read_collection
from worker.mapping.writing import NotWritable, refuse_unwritable, write_mapping
from worker.presentation.wording import counted
from worker.runtime import Runtime

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from worker.connections import Connection
    from worker.mapping.importing import Imported
    from worker.mapping.mapping import Mapping
    from worker.presentation.screen import Screen

COLLECTION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
"""What the id of a mapping collection can be. Assumed: a number like other ids, or else a UUID."""
MOST_REFUSALS: Final = 200
"""How many refusals are shown: all, unless the collection is broken in every row."""


def import_mapping(
    screen: Screen, collection_id: str, system: int | None, output: Path, *, replaces: bool
) -> Mapping | None:
    """Write a mapping collection to a file, and say so: the mapping. None if it can't be, which is said as well.

    Raises click's UsageError, and what a read of iPaaS.com raises.
    """
    if not COLLECTION_ID.fullmatch(collection_id):
        problem = "must be the id of a mapping collection: digits, or letters, digits and hyphens."
        raise click.BadParameter(problem, param_hint="--import")
    try:
        refuse_unwritable(output, replaces=replaces)
    except NotWritable as error:
        raise click.BadParameter(f"{error}.", param_hint="--output") from None
    runtime = Runtime.build()
    connection = chosen(runtime.connections, system)
    with screen.busy("Reading from iPaaS.com"):
        collection = _read(runtime, connection, collection_id)
    if collection is None:
        screen.error(f"iPaaS.com has no mapping collection {collection_id} for {connection.system_id}.")
        screen.note(
            "  Nothing was written. Look the id up in iPaaS.com; `stamped-sync check` shows whether all else answers."
        )
        return None
    imported = read_collection(collection, collection_id)
    for note in imported.notes:
        screen.note(f"! {note}")
    if imported.refusals:
        _show_refusals(screen, imported, collection_id)
        return None
    return _written(screen, imported, output, runtime.settings.connections, replaces=replaces)


def _read(runtime: Runtime, connection: Connection, collection_id: str) -> dict[str, Any] | None:
    return runtime.source(connection.system_id, str(uuid.uuid4())).mapping_collection(collection_id)


def _show_refusals(screen: Screen, imported: Imported, collection_id: str) -> None:
    refusals = imported.refusals
    screen.error(f"The mapping collection {collection_id} can't be imported, and nothing was written:")
    for refusal in refusals[:MOST_REFUSALS]:
        screen.prose(str(refusal), to_stderr=True)
    if len(refusals) > MOST_REFUSALS:
        screen.note(f"  and {counted(len(refusals) - MOST_REFUSALS, 'more problem')}.")
    screen.note("To write a mapping file by hand, start from what `stamped-sync mapping --example` prints.")


def _written(screen: Screen, imported: Imported, output: Path, connections: Path, *, replaces: bool) -> Mapping | None:
    try:
        mapping = write_mapping(output, imported.text, replaces=replaces)
    except NotWritable as error:
        screen.error(f"{error}.")
        return None
    named = json.dumps(os.path.relpath(output.absolute(), connections.absolute().parent), ensure_ascii=False)
    screen.mark(f"{output}: {counted(len(mapping.rows), 'row')}, read back without a fault", is_good=True)
    screen.prose(f"It is in force once the connection names it, straight under [[connection]]: mapping = {named}")
    return mapping
