"""Reads in each worker what the connections file leaves to the iPaaS.com subscriptions: at the start, and later again.

A job reads it by itself if it must. This thread spares the first jobs that, and lets jobs go on that are held because
of a value in the subscription, or because it could not be read: as soon as somebody has mended it, the hold ends.
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
from worker.clients.holds import can_be_mended, end
from worker.clients.store import AGAIN_SECONDS
from worker.http.api_errors import IPAAS
from worker.jobs.calls import Api
from worker.jobs.errors import ConnectionHeld, SyncError, ThrottleUsedUp, error_fields
from worker.jobs.retries import Pause, decide
from worker.ledger import LedgerUnavailable
from worker.ledger.guard import LooksAtHeld, ThrottledReads
from worker.telemetry import sentry
from worker.telemetry.outcomes import HOLD_BEGAN, announce

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Event

    from worker.clients.store import Store
    from worker.ipaas.client import IPaaS
    from worker.runtime import Runtime

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""How often it looks for what is to be read."""
HELD_SECONDS: Final = 4.0
"""How often one of all workers reads the subscriptions of held stores: a mended one goes on within ten seconds."""
HELD_AT_MOST: Final = 20
"""How many of them it reads then, those first that it has not read for longest: a wrong API key holds many stores."""
ROUND_SECONDS: Final = 5.0
"""How long it goes on with each kind, held stores and those that are due, before it turns to the other one."""
SLOT_SECONDS: Final = 5.0
"""How long it waits for a slot of iPaaS.com's throttle."""


class Reader:
    """Reads the subscriptions that are due."""

    def __init__(self) -> None:
        self._not_before: dict[int, float] = {}
        self._looked_at: dict[int, float] = {}
        self._tried: set[int] = set()
        """The stores that this process has held, or would have, because it could not read them."""

    def read_due(self) -> None:
        """Read them, those of held stores first. Raises LedgerUnavailable."""
        runtime = app.runtime
        stores = {system_id: each.store for system_id, each in runtime.clients.items() if not each.store.is_of_file}
        if not stores:
            return
        # Another worker looks, unless it is our turn; but one that has met no trouble learns nothing by a success.
        is_ours = runtime.ledger.is_due("held subscriptions", HELD_SECONDS)
        if to_look := {system_id: each for system_id, each in stores.items() if is_ours or each.awaits_news}:
            self._look_at_held(runtime, to_look)
        until = time.monotonic() + ROUND_SECONDS
        for system_id, store in stores.items():
            if store.is_due and time.monotonic() >= self._not_before.get(system_id, 0.0):
                self._read(runtime, system_id, store)
                if time.monotonic() >= until:
                    return  # the next round goes on

    def _look_at_held(self, runtime: Runtime, stores: Mapping[int, Store]) -> None:
        until = time.monotonic() + ROUND_SECONDS
        holds = {each.system_id: each for each in runtime.ledger.held() if can_be_mended(each)}
        held = sorted(holds.keys() & stores.keys(), key=lambda each: self._looked_at.get(each, 0.0))
        for system_id in held[:HELD_AT_MOST]:
            self._looked_at[system_id] = time.monotonic()
            store, is_first = stores[system_id], not stores[system_id].is_read
            if store.read_now(partial(_source, runtime, system_id, LooksAtHeld)):
                if is_first:
                    _release_once(runtime, system_id)
            elif store.trouble and holds[system_id].is_of_reading:  # it goes on, perhaps for another reason
                _hold(runtime, system_id, store.trouble)
            if time.monotonic() >= until:
                return

    def _read(self, runtime: Runtime, system_id: int, store: Store) -> None:
        is_first, is_news = not store.is_read, system_id not in self._not_before
        self._not_before[system_id] = time.monotonic() + AGAIN_SECONDS
        try:
            runtime.whole(system_id, _source(runtime, system_id))
        except LedgerUnavailable:
            raise
        except (ConnectionHeld, ThrottleUsedUp):
            pass  # it is looked at with the held ones, or at the next round: iPaaS.com was not even asked
        except SyncError as error:
            level = logging.WARNING if is_news else logging.DEBUG
            log.log(
                level, "connection %d: its subscription can't be read, %s", system_id, error, extra=error_fields(error)
            )
            if is_first and system_id not in self._tried:  # once: if another process lets go, it can read what we can't
                self._tried.add(system_id)
                _hold(runtime, system_id, error)
        else:
            self._not_before.pop(system_id)
            if is_first:
                _release_once(runtime, system_id)


def _hold(runtime: Runtime, system_id: int, error: SyncError) -> None:
    """Hold a store of which nothing is known yet: each of its jobs could only find out the same, with a call more.

    One such answer is enough, unlike for a job: nobody's transfer is under way, and any good answer ends the hold.
    """
    pause, held_for = decide(error, 0, runtime.policy), IPAAS.of_hold(error)
    if not isinstance(pause, Pause):
        return
    fingerprint = runtime.connections.fingerprint
    if runtime.ledger.hold_store(system_id, Api.IPAAS.key, held_for.failure, pause, fingerprint):
        announce(HOLD_BEGAN, system_id, error=held_for)
        sentry.report_hold(system_id, held_for)


def _release_once(runtime: Runtime, system_id: int) -> None:
    """End a hold that is older than what this process has read first: it may be mended meanwhile.

    If they were not, the next job begins another hold, which this process does not end by what it knows already.
    """
    hold = runtime.ledger.held_of(system_id)
    if hold and can_be_mended(hold):
        end(runtime.ledger, hold)


def _source(runtime: Runtime, system_id: int, gate: type[ThrottledReads] = ThrottledReads) -> IPaaS:
    until = time.monotonic() + SLOT_SECONDS
    return runtime.source(
        system_id, str(uuid.uuid4()), gate(runtime.ledger, system_id, runtime.timeouts.call, until=until)
    )


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
