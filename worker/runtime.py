"""What a process needs to do its work, built once when it starts."""

from __future__ import annotations

import os
import socket
import time
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from worker.config.settings import Settings, load_settings
from worker.connections import Connection, Connections, load_connections
from worker.effects import Witness, nobody
from worker.http.client import ApiClient, Timeouts
from worker.ipaas.client import IPaaS
from worker.jobs.calls import Api
from worker.jobs.errors import ConnectionUnknown
from worker.jobs.retries import Holds, Schedule
from worker.ledger import Claim, Ledger, LedgerTimes, Limit, StoreLimits, connect
from worker.ledger.guard import Guard, ReadOnly
from worker.stamped.client import Stamped
from worker.telemetry.masking import Personal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from worker.http.client import Gate


READ_ONLY = ReadOnly()
WORKER = f"{socket.gethostname()}/{os.getpid()}"
"""The name of this process, as the history of a job shows it."""


@dataclass(frozen=True)
class Apis:
    """Both APIs as one job sees them. What it learns of its customer from either is masked in what the other says."""

    source: IPaaS
    store: Stamped


@dataclass(frozen=True)
class Runtime:
    """The configuration, the ledger, and both APIs of every connection with their kept-alive sessions."""

    settings: Settings
    connections: Connections
    ledger: Ledger
    timeouts: Timeouts
    schedule: Schedule
    holds: Holds
    witness: Witness
    _ipaas: dict[int, ApiClient]
    _stamped: dict[int, ApiClient]
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def build(cls, settings: Settings | None = None, *, witness: Witness = nobody) -> Runtime:
        """Read the configuration and prepare everything; nothing is called yet. Raises ConfigurationError."""
        settings = settings or load_settings()
        connections = load_connections(settings.connections)
        timeouts = Timeouts(settings.connect_timeout_seconds, settings.read_timeout_seconds)
        return cls(
            settings=settings,
            connections=connections,
            ledger=open_ledger(settings, connections, witness),
            timeouts=timeouts,
            schedule=Schedule(settings.fast_retries, settings.slow_retry_minutes),
            holds=Holds(settings.hold_first_seconds, settings.hold_longest_seconds, settings.hold_after_errors),
            witness=witness,
            _ipaas={each.system_id: _ipaas(each, timeouts, settings.concurrency, witness) for each in connections},
            _stamped={each.system_id: _stamped(each, timeouts, settings.concurrency, witness) for each in connections},
        )

    def connection(self, system_id: int) -> Connection:
        """The connection of a system. Raises ConnectionUnknown."""
        connection = self.connections.get(system_id)
        if connection is None:
            raise ConnectionUnknown(str(system_id))
        return connection

    def guard(self, claim: Claim, asked_at: float) -> Guard:
        """What every call of a claimed job passes; the claim was asked for at `asked_at`, by this runtime's clock."""
        lease, call = self.settings.lease_seconds, self.timeouts.call
        return Guard(self.ledger, claim, asked_at=asked_at, lease_seconds=lease, call_seconds=call, clock=self.clock)

    def apis(self, claim: Claim, guard: Guard) -> Apis:
        """Both APIs for a claimed job. Raises ConnectionUnknown."""
        system_id, personal = claim.job.system_id, Personal()
        source = self.source(system_id, claim.tracking_guid, guard.source)
        store = self.store(system_id, guard.store)
        return Apis(
            replace(source, personal=personal, is_triggered=claim.is_triggered or claim.is_fresh),
            replace(store, personal=personal, is_fresh=claim.is_fresh),
        )

    def source(self, system_id: int, tracking_guid: str, gate: Gate = READ_ONLY) -> IPaaS:
        """iPaaS.com for one job. Raises ConnectionUnknown."""
        return IPaaS(self._ipaas[self.connection(system_id).system_id], system_id, tracking_guid, gate)

    def store(self, system_id: int, gate: Gate = READ_ONLY) -> Stamped:
        """The connection's Stamped.io store for one job. Raises ConnectionUnknown."""
        return Stamped(self._stamped[self.connection(system_id).system_id], gate)


def open_ledger(settings: Settings, connections: Iterable[Connection] = (), witness: Witness = nobody) -> Ledger:
    """The ledger with what every connection allows."""
    times = LedgerTimes(settings.lease_seconds, settings.lost_after_seconds, settings.done_days, settings.failed_days)
    stores = {connection.system_id: _store_limits(connection) for connection in connections}
    return Ledger(connect(settings.redis_url), times, stores, worker=WORKER, witness=witness)


def _store_limits(connection: Connection) -> StoreLimits:
    throttle, reads = connection.throttle, connection.ipaas.throttle
    return StoreLimits(
        concurrent=throttle.concurrent,
        stamped=Limit(throttle.limit, throttle.seconds),
        ipaas=Limit(reads.limit, reads.seconds) if reads else None,
        looks_for_shared=connection.warn_shared,
    )


def _ipaas(connection: Connection, timeouts: Timeouts, threads: int, witness: Witness) -> ApiClient:
    endpoint = connection.ipaas
    return ApiClient(
        Api.IPAAS,
        endpoint.api_url,
        f"Bearer {endpoint.token.get_secret_value()}",
        has_codes=True,
        timeouts=timeouts,
        connections=threads,
        witness=witness,
    )


def _stamped(connection: Connection, timeouts: Timeouts, threads: int, witness: Witness) -> ApiClient:
    endpoint = connection.stamped
    keys = f"{endpoint.public_key}:{endpoint.private_key.get_secret_value()}"
    return ApiClient(
        Api.STAMPED,
        f"{endpoint.api_url}/api/v2/{endpoint.store_hash}",
        f"Basic {b64encode(keys.encode()).decode()}",
        timeouts=timeouts,
        connections=threads,
        witness=witness,
    )
