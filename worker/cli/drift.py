"""Whether the processes that run go by the files as they stand now, for any command that shows what is configured."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from worker.config.faults import ConfigurationError
from worker.connections import Connections, load_connections
from worker.ledger import LedgerUnavailable
from worker.presentation.configuration import drift, others
from worker.presentation.times import as_iso
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.config.faults import Fault
    from worker.config.settings import Settings
    from worker.ledger import Ledger
    from worker.ledger.processes import Process
    from worker.presentation.screen import Screen

AGREE_SECONDS: Final = 60.0
"""How long what needs one configuration everywhere waits for the processes to take it."""
LOOK_SECONDS: Final = 0.5
NOT_TAKEN: Final = "None of it is taken: {} on by the configuration from before."


def cautioned(screen: Screen, ledger: Ledger, connections: Connections) -> None:
    """Say on standard error which processes go by another configuration; nothing where Redis does not answer."""
    with suppress(LedgerUnavailable):
        for each in differing(ledger, connections):
            screen.note(f"! {each}")


def differing(ledger: Ledger, connections: Connections) -> list[str]:
    """Which processes go by another configuration than that of the files, in sentences. Raises LedgerUnavailable."""
    return drift(ledger.processes.running(), connections.fingerprint)


def agreed(screen: Screen, ledger: Ledger, connections: Connections) -> bool:
    """Whether all processes go by the files, for which this waits a minute. Says what it waits for, and who differs.

    Raises LedgerUnavailable.
    """
    found = others(ledger.processes.running(), connections.fingerprint)
    if found:
        screen.note(f"{found[0]} Waiting up to a minute for the processes to agree.")
    for each in (found := still_differing(ledger, connections, AGREE_SECONDS)):
        screen.error(each)
    return not found


def still_differing(ledger: Ledger, connections: Connections, seconds: float) -> list[str]:
    """Which processes go by another configuration than that of the files, even after some seconds.

    Raises LedgerUnavailable.
    """
    until = time.monotonic() + seconds
    while found := others(ledger.processes.running(), connections.fingerprint):
        if time.monotonic() >= until:
            break
        time.sleep(LOOK_SECONDS)
    return found


class Read(NamedTuple):
    """The connections as the files stand now: none if they have faults."""

    connections: Connections
    faults: Sequence[Fault] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of the connections file."""
        try:
            return cls(load_connections(settings.connections))
        except ConfigurationError as error:
            return cls(Connections([]), error.faults)

    def drift(self, processes: Sequence[Process]) -> list[str]:
        """Which processes go by something else."""
        return drift(processes, self.connections.fingerprint)

    def as_json(self, processes: Sequence[Process]) -> dict[str, object]:
        """What a program reads of it."""
        return {
            "fingerprint": self.connections.fingerprint or None,
            "faults": list(map(str, self.faults)),
            "drift": self.drift(processes),
            "processes": [
                {
                    "name": each.name,
                    "role": each.role,
                    "version": each.version,
                    "fingerprint": each.fingerprint or None,
                    "since": as_iso(each.since),
                    "faults": each.faults,
                }
                for each in processes
            ],
        }


def show_configuration(screen: Screen, read: Read, processes: Sequence[Process]) -> None:
    """What is wrong with the configuration, if anything is."""
    for fault in read.faults:
        screen.mark(str(fault), is_good=False)
    own = tuple(map(str, read.faults))
    if met := [each for each in processes if own and set(each.faults) == set(own)]:
        screen.line(NOT_TAKEN.format(counted(len(met), "process goes", "processes go")))
    for each in read.drift([replace(one, faults=()) if one in met else one for one in processes]):
        screen.caution(each)
    if read.faults or read.drift(processes):
        screen.line()
