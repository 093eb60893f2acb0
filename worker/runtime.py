"""What a process needs to do its work, built once when it starts."""

from __future__ import annotations

import time
import uuid
from base64 import b64encode
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.clients.holds import end_hold
from worker.clients.source import connect_source
from worker.clients.store import Store
from worker.config.settings import Settings, load_settings
from worker.config.text_file import Files
from worker.connections import Connection, Connections, is_called_otherwise, load_connections
from worker.effects import Witness, nobody
from worker.handover import limits_of, open_ledger, store_limits
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

    from worker.clients.holds import News
    from worker.clients.store import Joined
    from worker.http.client import CalledApi
    from worker.jobs.calls import Gate
    from worker.ledger import Claim, Ledger
    from worker.stamped.endpoint import StampedEndpoint


READ_ONLY = ReadOnly()


@dataclass(frozen=True)
class Clients:
    """A connection, and both its APIs."""

    connection: Connection
    ipaas: CalledApi
    store: Store


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
        ledger = open_ledger(settings, connections, witness)
        make_clients = partial(_clients, pools=Pools(timeouts), witness=witness, ledger=ledger)
        return cls(
            settings=settings,
            connections=connections,
            ledger=ledger,
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

        A connection that is called as before keeps its clients, with their login and what its subscription says.
        """
        clients = {each.system_id: self._kept(each) or self.make_clients(each) for each in connections}
        self.ledger.reconfigure(limits_of(connections), connections.fingerprint)
        return replace(self, connections=connections, clients=clients, files=files)

    def _kept(self, now: Connection) -> Clients | None:
        """The clients of a connection that is called as before, also if its name or its mapping is another one."""
        clients = self.clients.get(now.system_id)
        if clients is None or is_called_otherwise(before := clients.connection, now):
            return None
        if before == now:
            return clients
        is_same = before.throttle == now.throttle and before.unsaid == now.unsaid
        return replace(clients, connection=now) if is_same else None

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
        source = self.source(system_id, claim.tracking_guid, guard.source, personal=personal, is_triggered=is_triggered)
        return Apis(source, self.store(system_id, guard.store, source, personal=personal, is_fresh=claim.is_fresh))

    def source(self, system_id: int, tracking_guid: str, gate: Gate = READ_ONLY, **more: Any) -> IPaaS:
        """iPaaS.com for one job. Raises ConnectionUnknown."""
        return IPaaS(self._of(system_id).ipaas, gate, system_id=system_id, tracking_guid=tracking_guid, **more)

    def store(self, system_id: int, gate: Gate = READ_ONLY, source: IPaaS | None = None, **more: Any) -> Stamped:
        """The connection's Stamped.io store for one job. Raises ConnectionUnknown.

        `source` reads the subscription, if what the connections file leaves out was not read yet: raises what that
        raises.
        """
        api = self._of(system_id).store.api or self._joined(system_id, source).api
        return Stamped(api, gate, **more)

    def whole(self, system_id: int, source: IPaaS | None = None) -> Connection:
        """The connection with what its file leaves out. Raises ConnectionUnknown, and what reading that raises."""
        read = self._joined(system_id, source).connection
        # The rest is today's: the store may have been read before the mapping was changed.
        return self.connection(system_id).model_copy(update={"stamped": read.stamped, "throttle": read.throttle})

    def has_other_keys(self, apis: Apis) -> bool:
        """Whether the subscription, which is read again at once, has other keys than those that were refused."""
        return self._of(apis.source.system_id).store.has_other_keys(lambda: apis.source, apis.store.api)

    def is_other_store(self, apis: Apis) -> bool:
        """Whether the subscription has named another address or other keys meanwhile."""
        return self._of(apis.source.system_id).store.is_other(apis.store.api)

    def _joined(self, system_id: int, source: IPaaS | None) -> Joined:
        return self._of(system_id).store.get(lambda: source or self.source(system_id, str(uuid.uuid4())))

    def _of(self, system_id: int) -> Clients:
        clients = self.clients.get(system_id)
        if clients is None:
            raise ConnectionUnknown(str(system_id))
        return clients


def _clients(connection: Connection, *, pools: Pools, witness: Witness, ledger: Ledger) -> Clients:
    system_id = connection.system_id

    def connect(stamped: StampedEndpoint) -> ApiClient:
        private_key = stamped.private_key.get_secret_value()
        store_url = f"{stamped.api_url}/api/v2/{stamped.store_hash}"
        basic = f"Basic {b64encode(f'{stamped.public_key}:{private_key}'.encode()).decode()}"
        secrets = stamped.public_key, private_key
        return ApiClient(Api.STAMPED, store_url, basic, secrets=secrets, pools=pools, witness=witness)

    def note(whole: Connection, news: News) -> None:
        end_hold(ledger, system_id, news)
        ledger.note_limits(system_id, store_limits(whole))

    source = connect_source(connection, pools, witness, ledger)
    return Clients(connection, source, Store(connection, connect, on_read=note, call_seconds=pools.timeouts.call))
