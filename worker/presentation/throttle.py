"""How far each connection's throttle is used now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from worker.jobs.calls import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.connections import Connections
    from worker.ledger.figures import Figures


@dataclass(frozen=True, slots=True)
class Use:
    """What counts against the limits of one connection; a limit is None if there is none."""

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


def uses(figures: Figures, connections: Connections) -> Iterator[Use]:
    """The use of each connection's throttle, by figures that were read of them all."""
    for connection in connections:
        store, throttle, reads = figures.stores[connection.system_id], connection.throttle, connection.ipaas.throttle
        yield Use(
            system_id=connection.system_id,
            queued=store.queued,
            under_way=store.under_way,
            concurrent=throttle.concurrent,
            stamped_calls=store.calls[Api.STAMPED],
            stamped_limit=throttle.limit,
            stamped_seconds=throttle.seconds,
            ipaas_calls=store.calls[Api.IPAAS],
            ipaas_limit=reads.limit if reads else None,
            ipaas_seconds=reads.seconds if reads else None,
        )
