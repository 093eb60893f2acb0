"""Reads in each worker what the connections file leaves to the iPaaS.com subscriptions: at the start, and later again.

A job reads it by itself if it must. This thread spares the first jobs that, and lets jobs go on that are held because
Stamped.io refused the keys: as soon as the subscription has others, the hold ends.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Final

from tasks.background import run_in_workers
from worker.app import app
from worker.jobs.errors import StampedCredentialsRefused, SyncError, error_fields
from worker.ledger import LedgerUnavailable
from worker.ledger.guard import ThrottledReads

if TYPE_CHECKING:
    from threading import Event

    from worker.ipaas.client import IPaaS
    from worker.runtime import Runtime

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""How often it looks for what is to be read."""
HELD_SECONDS: Final = 10.0
"""How often one of all workers reads the subscriptions of the stores that are held for refused keys."""
AGAIN_SECONDS: Final = 60.0
"""How long it waits after a subscription could not be read for the first time."""
PATIENCE_SECONDS: Final = 10.0
"""How long it waits for a slot of iPaaS.com's throttle."""


class Reader:
    """Reads the subscriptions that are due."""

    def __init__(self) -> None:
        self._not_before: dict[int, float] = {}

    def read_due(self) -> None:
        """Read them. Raises LedgerUnavailable."""
        runtime = app.runtime
        stores = {system_id: each.store for system_id, each in runtime.clients.items() if not each.store.is_of_file}
        if not stores:
            return
        for system_id, store in stores.items():
            if store.is_due and time.monotonic() >= self._not_before.get(system_id, 0.0):
                self._read(runtime, system_id)
        if not runtime.ledger.is_due("held subscriptions", HELD_SECONDS):
            return  # another worker looks
        for hold in runtime.ledger.holds():
            if hold.system_id in stores and hold.code == StampedCredentialsRefused.entry.code:
                stores[hold.system_id].reread(partial(_source, runtime, hold.system_id))

    def _read(self, runtime: Runtime, system_id: int) -> None:
        is_first = system_id not in self._not_before
        self._not_before[system_id] = time.monotonic() + AGAIN_SECONDS
        try:
            runtime.whole(system_id, _source(runtime, system_id))
        except LedgerUnavailable:
            raise
        except SyncError as error:
            level = logging.WARNING if is_first else logging.DEBUG
            log.log(
                level, "connection %d: its subscription can't be read, %s", system_id, error, extra=error_fields(error)
            )
        else:
            self._not_before.pop(system_id)


def _source(runtime: Runtime, system_id: int) -> IPaaS:
    until = time.monotonic() + PATIENCE_SECONDS
    gate = ThrottledReads(runtime.ledger, system_id, runtime.timeouts.call, until=until)
    return runtime.source(system_id, str(uuid.uuid4()), gate)


def _read_until(stopping: Event) -> None:
    """Read what is due every few seconds until the worker stops. Random waits keep the workers apart."""
    reader, wait = Reader(), 0.0
    while not stopping.wait(wait):
        wait = LOOK_SECONDS * random.uniform(0.5, 1)  # noqa: S311 - no secret
        try:
            reader.read_due()
        except LedgerUnavailable:
            continue
        except Exception as error:  # noqa: BLE001 - without it, jobs still read what they need
            # Not its text, which can hold anything.
            log.error("the reader of subscriptions met %s and goes on", type(error).__name__)  # noqa: TRY400


run_in_workers("subscriptions", _read_until)
