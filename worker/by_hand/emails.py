"""Looks up in iPaaS.com whom e-mail addresses name that a person gives in place of ids.

An address goes to iPaaS.com and to nobody else: no fault, error or log line has one.
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Final

from worker.by_hand.waiting import AwaitedReads
from worker.jobs.calls import Api
from worker.jobs.errors import SyncError
from worker.jobs.intents import Intent
from worker.presentation.ids import LookedUp
from worker.presentation.wording import counted
from worker.sync.by_email import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.presentation.ids import Email
    from worker.runtime import Runtime
    from worker.sync.by_email import Found

PATIENCE_SECONDS: Final = 120.0
"""How long a command waits for slots in all; then it says that the throttle is used up."""
IDS_SHOWN: Final = 10

NOBODY: Final = "no customer in iPaaS.com has this e-mail address: correct it, or give the iPaaS.com Customer ID"
SEVERAL: Final = "{0} in iPaaS.com have this e-mail address: {1}. Give the id of the one that is meant"
INSTEAD: Final = "Give the iPaaS.com Customer ID instead."
OF_THE_ADDRESS: Final = frozenset({Intent.CUSTOMERS, Intent.NOT_YET})
"""What an error of one address means; any other error would meet the next address too."""


class LookUp:
    """Looks up addresses in a thread of its own. How far it has come can be read meanwhile from another one."""

    def __init__(
        self, runtime: Runtime, system_id: int, emails: Sequence[Email], patience: float | None = None
    ) -> None:
        """`patience`: how many seconds it waits for slots in all, if not as long as a command."""
        self._emails = emails
        self._stopped = threading.Event()
        until = time.monotonic() + (PATIENCE_SECONDS if patience is None else patience)
        gate = AwaitedReads(runtime, system_id, Api.IPAAS, until, self._stopped)
        self._source = runtime.source(system_id, str(uuid.uuid4()), gate)
        self.done = 0
        """How many addresses have been looked up."""

    def run(self) -> LookedUp:
        """Look up all of them.

        Raises the first error that is not about one address: what a read of iPaaS.com raises, ConnectionHeld,
        ThrottleUsedUp and LedgerRefuses. Also NobodyWaits once it has been stopped.
        """
        ids: dict[Email, str] = {}
        faults: list[str] = []
        for each in self._emails:
            try:
                found = find(each.text, self._source)
                if found.only:
                    ids[each] = found.only
                else:
                    faults.append(f"{each.place}: {in_words(found)}.")
            except SyncError as error:
                if error.intent not in OF_THE_ADDRESS:
                    raise
                faults.append(f"{each.place}: {error.failure.message.removesuffix('.')}. {INSTEAD}")
            self.done += 1
        return LookedUp(ids, faults)

    def stop(self) -> None:
        """Make no further call."""
        self._stopped.set()


def in_words(found: Found) -> str:
    """Why an address does not say who is meant, and what to do."""
    if not found.ids:
        return NOBODY
    shown = ", ".join(found.ids[:IDS_SHOWN])
    if found.has_more or len(found.ids) > IDS_SHOWN:
        shown += " and others"
    count = "Several customers" if found.has_more else counted(len(found.ids), "customer")
    return SEVERAL.format(count, shown)
