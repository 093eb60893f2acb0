"""Previews with the real APIs: each call takes a slot of the store's throttle, like the calls of jobs."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Final

from worker.by_hand.waiting import AwaitedReads
from worker.jobs.calls import Api
from worker.sync.preview import preview

if TYPE_CHECKING:
    from worker.connections import Connection
    from worker.runtime import Runtime
    from worker.sync.preview import Preview

PATIENCE_SECONDS: Final = 20.0
"""How long a preview waits for slots in all; then it says that the throttle is used up."""


class Previewer:
    """Previews customers of one connection, for somebody who is waiting for the result."""

    def __init__(self, runtime: Runtime, connection: Connection) -> None:
        self._mapping, self._system_id = connection.mapping, connection.system_id
        self._runtime = runtime
        self._stopped = threading.Event()
        system_id, until = connection.system_id, time.monotonic() + PATIENCE_SECONDS
        source, self._gate = (
            AwaitedReads(runtime, system_id, api, until, self._stopped) for api in (Api.IPAAS, Api.STAMPED)
        )
        self._source = runtime.source(system_id, str(uuid.uuid4()), source)

    def preview(self, customer_id: str) -> Preview:
        """What a transfer of one customer would do.

        Raises what `worker.sync.preview` and reading the subscription raise, ConnectionHeld, ThrottleUsedUp,
        LedgerRefuses, and NobodyWaits once it has been stopped.
        """
        # Not before: no page must wait for iPaaS.com, which may have to be asked how the store is called.
        store = self._runtime.store(self._system_id, self._gate, self._source)
        return preview(customer_id, self._mapping, self._source, store)

    def stop(self) -> None:
        """Make no further call, in whichever thread the preview runs."""
        self._stopped.set()
