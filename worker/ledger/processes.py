"""The processes that run, and which configuration each runs by: they note it in Redis every few seconds."""

from __future__ import annotations

import json
import uuid
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
SILENT_INTERVALS: Final = 3
"""A process counts as ended once it has noted nothing for so long, and for so many of its own intervals."""
FORGOTTEN_MS: Final = 24 * 60 * 60 * 1000
MOST_FAULTS: Final = 20
LONGEST_FAULT: Final = 500
"""How many faults of a file are noted, and how many letters of each."""
OWN: Final = uuid.uuid4().hex[:8]
"""Tells this process from others: those of two containers can have one name and one process id."""
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
    fault_count: int = field(default=0, compare=False)
    """How many faults there are, of which no more than some are noted."""

    def __str__(self) -> str:
        return f"{self.role} {self.name}"


class Processes:
    """The processes in the ledger. All raise LedgerUnavailable."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def note(self, process: Process) -> list[Process]:
        """Note how a process runs; answers all that run now."""
        faults = [each[:LONGEST_FAULT] for each in process.faults[:MOST_FAULTS]]
        if (more := len(process.faults) - MOST_FAULTS) > 0:
            faults.append(f"and {more:,} more")
        noted = {
            "version": process.version,
            "fingerprint": process.fingerprint,
            "faults": faults,
            "fault_count": len(process.faults),
            "interval": process.interval_seconds,
        }
        return self._note(process, json.dumps(noted))

    def end(self, process: Process) -> None:
        """Note that a process has ended."""
        self._note(process, "")

    def _note(self, process: Process, text: str) -> list[Process]:
        args: Args = [f"{process.role} {process.name} {OWN}", text, FORGOTTEN_MS]
        return _running(self._scripts.run(Effect.NOTE_PROCESS, args, keys=[keys.PROCESSES]))

    def running(self) -> list[Process]:
        """All that run now."""
        return _running(self._scripts.read(FLEET, [], keys=[keys.PROCESSES]))


def _running(answer: Sequence[Any]) -> list[Process]:
    """The processes that are not silent, by role and name."""
    now_ms, *found = answer
    pairs = zip(found[::2], found[1::2], strict=True)
    read = [each for name, text in pairs if (each := _tried(name, text))]
    alive = [process for seen_ms, process in read if abs(int(now_ms) - seen_ms) <= _silent_seconds(process) * 1000]
    return sorted(alive, key=lambda each: (ROLES.index(each.role) if each.role in ROLES else len(ROLES), each.name))


def _silent_seconds(process: Process) -> float:
    return max(SILENT_SECONDS, SILENT_INTERVALS * process.interval_seconds)


def _tried(name: str, text: str) -> tuple[int, Process] | None:
    """A process, and when it was noted last; None if what is noted can't be read."""
    try:
        return _read(name, *text.split(" ", 2))
    except (ValueError, TypeError, AttributeError):
        return None


def _read(name: str, seen_ms: str, since_ms: str, text: str) -> tuple[int, Process]:
    """A process, and when it was noted last. One of another release may note more, or less."""
    noted = json.loads(text)
    role, _, place = name.rpartition(" ")[0].partition(" ")
    process = Process(
        name=place,
        role=role,
        version=str(noted.get("version", "")),
        fingerprint=str(noted.get("fingerprint", "")),
        faults=tuple(map(str, noted.get("faults", ()))),
        interval_seconds=float(noted.get("interval", 0)),
        since=datetime.fromtimestamp(int(since_ms) / 1000, UTC),
        fault_count=int(noted.get("fault_count", len(noted.get("faults", ())))),
    )
    return int(seen_ms), process
