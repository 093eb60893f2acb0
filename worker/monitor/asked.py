"""What the form of Manual Sync was filled in with."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

from worker.presentation.ids import checked, in_lines
from worker.presentation.screen import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tornado.httputil import HTTPFile

    from worker.connections import Connection
    from worker.presentation.ids import Given

MOST_IDS: Final = 100_000
LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form was filled in with."""

    connection: Connection | None = None
    ids: list[str] = field(default_factory=list)
    text: str = ""
    """What stands in the field for the ids."""
    debug: bool = False
    faults: tuple[str, ...] = ()

    @classmethod
    def read(
        cls, connection: Connection | None, pasted: str, files: Sequence[HTTPFile], *, debug: bool = False
    ) -> Asked:
        """What was given, with everything that is wrong with it."""
        sources = [
            ("pasted", pasted.encode()),
            *((shortened(each.filename, LONGEST_NAME), each.body) for each in files),
        ]
        found = checked(chain.from_iterable(_in_text(body, name) for name, body in sources))
        faults = list(found.faults)
        if found.faults_left_out:
            faults.append(f"… and {found.faults_left_out:,} more")
        if connection is None:
            faults.insert(0, "Choose a connection.")
        if not found.ids and not found.faults:
            faults.append("There is no id in what was given.")
        if len(found.ids) > MOST_IDS:
            faults.append(
                f"{len(found.ids):,} ids are more than this page takes at once, {MOST_IDS:,}. "
                "Split them, or use `stamped-sync sync --file`."
            )
        return cls(connection, found.ids, pasted if faults else "\n".join(found.ids), debug, tuple(faults))


def _in_text(body: bytes, name: str) -> Iterator[Given]:
    """The ids in a list, read as the command line reads a file."""
    return in_lines(io.TextIOWrapper(io.BytesIO(body), encoding="utf-8-sig", errors="replace"), name)
