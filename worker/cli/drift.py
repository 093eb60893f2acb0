"""Whether the processes that run go by the files as they stand now, for any command that shows what is configured."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from worker.ledger import LedgerUnavailable
from worker.presentation.configuration import drift, others

if TYPE_CHECKING:
    from worker.connections import Connections
    from worker.ledger import Ledger
    from worker.presentation.screen import Screen

AGREE_SECONDS: Final = 60.0
"""How long what needs one configuration everywhere waits for the processes to take it."""
LOOK_SECONDS: Final = 0.5


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
    until = time.monotonic() + AGREE_SECONDS
    is_first = True
    while found := others(ledger.processes.running(), connections.fingerprint):
        if time.monotonic() >= until:
            for each in found:
                screen.error(each)
            return False
        if is_first:
            screen.note(f"{found[0]} Waiting up to a minute for the processes to agree.")
        is_first = False
        time.sleep(LOOK_SECONDS)
    return True
