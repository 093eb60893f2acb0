"""The processes that run, and which configuration each runs by: they note it in Redis every few seconds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from worker.effects import Effect
from worker.ledger import keys
from worker.ledger.scripting import FLEET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.ledger.scripting import Args, Scripts

SILENT_SECONDS: Final = 30.0
"""A process counts as ended once it has noted nothing for so long, or for this many of its own intervals:"""
SILENT_INTERVALS: Final = 3
FORGOTTEN_MS: Final = 60 * 60 * 1000
MOST_FAULTS: Final = 20
LONGEST_FAULT: Final = 500
"""How many faults of a file are noted, and how many letters of each."""
ROLES: Final = ("worker", "beat", "flower")


@dataclass(frozen=True, slots=True)
class Process:
    """One process, and what it runs by."""

    name: str
    """Its host and its process id: `host/123`."""
    role: str
    """worker, beat or flower."""
    version: str
    fingerprint: str
    """Of the configuration that it runs by; empty if it has none yet."""
    faults: tuple[str, ...] = ()
    """What is wrong in the files as they stand now; it then goes on by the configuration that it read before."""
    interval_seconds: float = 0.0
    since: datetime | None = field(default=None, compare=False)
    """Since when it has run so."""

    def __str__(self) -> str:
        return f"{self.role} {self.name}"


class Processes:
    """The processes in the ledger. All raise LedgerUnavailable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def note(self, process: Process) -> list[Process]:
        """Note how a process runs; answers all that run now."""
        noted = {
            "role": process.role,
            "version": process.version,
            "fingerprint": process.fingerprint,
            "faults": [each[:LONGEST_FAULT] for each in process.faults[:MOST_FAULTS]],
            "interval": process.interval_seconds,
        }
        args: Args = [process.name, json.dumps(noted), FORGOTTEN_MS]
        return _running(self._scripts.run(Effect.NOTE_PROCESS, args, keys=[keys.PROCESSES]))

    def running(self) -> list[Process]:
        """All that run now."""
        return _running(self._scripts.read(FLEET, [], keys=[keys.PROCESSES]))


def _running(answer: Sequence[Any]) -> list[Process]:
    """The processes that are not silent, by role and name."""
    now_ms, *found = answer
    pairs = zip(found[::2], found[1::2], strict=True)
    read = [_read(name, *text.split(" ", 2)) for name, text in pairs]
    alive = [process for seen_ms, process in read if int(now_ms) - seen_ms <= _silent_seconds(process) * 1000]
    return sorted(alive, key=lambda each: (ROLES.index(each.role) if each.role in ROLES else len(ROLES), each.name))


def _silent_seconds(process: Process) -> float:
    return max(SILENT_SECONDS, SILENT_INTERVALS * process.interval_seconds)


def _read(name: str, seen_ms: str, since_ms: str, text: str) -> tuple[int, Process]:
    noted = json.loads(text)
    process = Process(
        name=name,
        role=noted["role"],
        version=noted["version"],
        fingerprint=noted["fingerprint"],
        faults=tuple(noted["faults"]),
        interval_seconds=noted["interval"],
        since=datetime.fromtimestamp(int(since_ms) / 1000, UTC),
    )
    return int(seen_ms), process
