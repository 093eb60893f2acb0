"""What a process needs to do its work, built once when it starts."""

from __future__ import annotations

import time
from base64 import b64encode
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.config.settings import Settings, load_settings
from worker.config.text_file import Files
from worker.connections import Connection, Connections, load_connections
from worker.effects import Witness, nobody
from worker.handover import limits_of, open_ledger
from worker.http.adapter import Pools, Timeouts
from worker.http.client import ApiClient
from worker.ipaas.client import IPaaS
from worker.jobs.calls import Api
from worker.jobs.errors import ConnectionUnknown
from worker.jobs.retries import Holds, Policy, Schedule
from worker.ledger.guard import Guard, ReadOnly
from worker.stamped.client import Stamped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.jobs.calls import Gate
    from worker.ledger import Claim, Ledger


READ_ONLY = ReadOnly()


@dataclass(frozen=True)
class Clients:
    """A connection, and both its APIs."""

    connection: Connection
    ipaas: ApiClient
    stamped: ApiClient


class Apis(NamedTuple):
    """Both APIs as one job sees them. What one says about the customer is also masked in the errors of the other."""

    source: IPaaS
    store: Stamped


@dataclass(frozen=True)
class Runtime:
    """The configuration, the ledger, and both APIs of every connection."""

    settings: Settings
    connections: Connections
    ledger: Ledger
    timeouts: Timeouts
    policy: Policy
    witness: Witness
    clients: Mapping[int, Clients]
    make_clients: Callable[[Connection], Clients]
    files: Files = field(default_factory=Files)
    """The files that the connections were read from."""
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def build(cls, settings: Settings | None = None, *, witness: Witness = nobody) -> Runtime:
        """Read the configuration and prepare everything, without any call yet. Raises ConfigurationError."""
        settings, files = settings or load_settings(), Files()
        connections = load_connections(settings.connections, files=files)
        timeouts = Timeouts(settings.connect_timeout_seconds, settings.read_timeout_seconds)
        make_clients = partial(_clients, pools=Pools(timeouts), witness=witness)
        return cls(
            settings=settings,
            connections=connections,
            ledger=open_ledger(settings, connections, witness),
            timeouts=timeouts,
            policy=Policy(
                Schedule(settings.fast_retries, settings.slow_retry_minutes),
                Holds(settings.hold_first_seconds, settings.hold_longest_seconds, settings.hold_after_errors),
            ),
            witness=witness,
            clients={each.system_id: make_clients(each) for each in connections},
            make_clients=make_clients,
            files=files,
        )

    def reconfigured(self, connections: Connections, files: Files) -> Runtime:
        """The same with other connections, by which the ledger goes from now on; whoever has this one ends with it.

        A connection that is as it was keeps its clients.
        """
        self.ledger.reconfigure(limits_of(connections), connections.fingerprint)
        clients = {each.system_id: self._kept(each) or self.make_clients(each) for each in connections}
        return replace(self, connections=connections, clients=clients, files=files)

    def _kept(self, connection: Connection) -> Clients | None:
        clients = self.clients.get(connection.system_id)
        return clients if clients and clients.connection == connection else None

    def connection(self, system_id: int) -> Connection:
        """The connection of a system. Raises ConnectionUnknown."""
        return self._of(system_id).connection

    def guard(self, claim: Claim, asked_at: float) -> Guard:
        """The guard that each call of a claimed job passes. `asked_at`: when the claim was asked for, by our clock."""
        lease, call = self.settings.lease_seconds, self.timeouts.call
        return Guard(self.ledger, claim, asked_at=asked_at, lease_seconds=lease, call_seconds=call, clock=self.clock)

    def apis(self, claim: Claim, guard: Guard) -> Apis:
        """Both APIs for a claimed job. Raises ConnectionUnknown."""
        system_id, personal = claim.job.system_id, set[str]()
        is_triggered = claim.is_triggered or claim.is_fresh
        return Apis(
            self.source(system_id, claim.tracking_guid, guard.source, personal=personal, is_triggered=is_triggered),
            self.store(system_id, guard.store, personal=personal, is_fresh=claim.is_fresh),
        )

    def source(self, system_id: int, tracking_guid: str, gate: Gate = READ_ONLY, **more: Any) -> IPaaS:
        """iPaaS.com for one job. Raises ConnectionUnknown."""
        return IPaaS(self._of(system_id).ipaas, gate, system_id=system_id, tracking_guid=tracking_guid, **more)

    def store(self, system_id: int, gate: Gate = READ_ONLY, **more: Any) -> Stamped:
        """The connection's Stamped.io store for one job. Raises ConnectionUnknown."""
        return Stamped(self._of(system_id).stamped, gate, **more)

    def _of(self, system_id: int) -> Clients:
        clients = self.clients.get(system_id)
        if clients is None:
            raise ConnectionUnknown(str(system_id))
        return clients


def _clients(connection: Connection, *, pools: Pools, witness: Witness) -> Clients:
    ipaas, stamped = connection.ipaas, connection.stamped
    private_key = stamped.private_key.get_secret_value()
    keys = f"{stamped.public_key}:{private_key}"
    store_url = f"{stamped.api_url}/api/v2/{stamped.store_hash}"
    bearer, basic = f"Bearer {ipaas.token.get_secret_value()}", f"Basic {b64encode(keys.encode()).decode()}"
    return Clients(
        connection,
        ApiClient(Api.IPAAS, ipaas.api_url, bearer, has_codes=True, pools=pools, witness=witness),
        ApiClient(Api.STAMPED, store_url, basic, secret=private_key, pools=pools, witness=witness),
    )
