"""Failed jobs of one error by what the API said: those that a person would call the same stand together."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.ledger import Record

VARYING: Final = (
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "…"),
    (re.compile(r"\"[^\"]{0,200}\"|'[^']{0,200}'|“[^”]{0,200}”"), "“…”"),
    (re.compile(r"\[[^\]]{0,200}\]"), "[…]"),
    (re.compile(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{8,}\b", re.IGNORECASE), "…"),
    (re.compile(r"[0-9]+(?:[.,:][0-9]+)*"), "#"),
    (re.compile(r"\s+"), " "),
)
"""What differs from one customer to the next: ids, what is quoted, what was masked, and numbers."""
LONGEST: Final = 200
READ: Final = 400
"""How much of a message is shown, and how much of it is looked at."""


@dataclass(frozen=True, slots=True)
class SubGroup:
    """Failed jobs of one error to which an API answered alike."""

    status: int | None
    """The HTTP status; None if there was no answer."""
    message: str
    """What the API said, without what differs from one customer to the next."""
    records: list[Record]
    """The newest first."""

    @property
    def key(self) -> str:
        """Its name in an address."""
        return f"{crc32(f'{self.status} {self.message}'.encode()):08x}"

    @property
    def words(self) -> str:
        """The status and the message in a line."""
        status = f"HTTP {self.status}" if self.status else ""
        return ": ".join(filter(None, [status, self.message])) or "no message"


def normalised(message: str) -> str:
    """A message without what differs from one customer to the next."""
    message = message[:READ]
    for pattern, instead in VARYING:
        message = pattern.sub(instead, message)
    return message.strip()[:LONGEST]


def sub_groups(records: Iterable[Record]) -> Sequence[SubGroup]:
    """Failed jobs by HTTP status and message, the largest group first."""
    groups: defaultdict[tuple[int | None, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.failure:
            groups[record.failure.http_status, normalised(record.failure.detail)].append(record)
    found = [SubGroup(status, message, those) for (status, message), those in groups.items()]
    return sorted(found, key=lambda group: -len(group.records))
