"""How far each connection's throttle is used now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from worker.ledger import State
from worker.ledger.activity import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.connections import Connections
    from worker.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Use:
    """What counts against the limits of one connection; a limit is None where there is none."""

    system_id: int
    queued: int
    under_way: int
    concurrent: int
    stamped_calls: int
    stamped_limit: int
    stamped_seconds: int
    ipaas_calls: int
    ipaas_limit: int | None
    ipaas_seconds: int | None

    def as_json(self) -> dict[str, int | None]:
        """The object that a program reads."""
        return asdict(self)


def uses(ledger: Ledger, connections: Connections) -> Iterator[Use]:
    """The use of each connection's throttle. Raises LedgerUnavailable."""
    for connection in connections:
        system_id, throttle, reads = connection.system_id, connection.throttle, connection.ipaas.throttle
        yield Use(
            system_id=system_id,
            queued=ledger.activity.counts(Filter(system_id=system_id))[State.QUEUED],
            under_way=ledger.under_way(system_id),
            concurrent=throttle.concurrent,
            stamped_calls=ledger.throttle_use(system_id, "stamped"),
            stamped_limit=throttle.limit,
            stamped_seconds=throttle.seconds,
            ipaas_calls=ledger.throttle_use(system_id, "ipaas"),
            ipaas_limit=reads.limit if reads else None,
            ipaas_seconds=reads.seconds if reads else None,
        )
