"""Initialize: requests all customers of a connection's list from the ledger, or only counts them."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from worker.ledger.guard import ByHand, ThrottledReads
from worker.ledger.intake import LedgerIntake
from worker.sync.census import Census, census
from worker.sync.initialize import Step, initialize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.ipaas.client import IPaaS
    from worker.jobs.progress import Progress, Selection
    from worker.runtime import Runtime
    from worker.sync.patience import Resting


def go_on(
    runtime: Runtime,
    progress: Progress,
    resting: Resting,
    *,
    limit: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Step]:
    """Request the customers of a connection, from the place that its initialize has reached."""
    intake = LedgerIntake(runtime.ledger, progress.system_id)
    return initialize(progress, _source(runtime, progress.system_id, sleep), intake, resting, limit=limit, sleep=sleep)


def count(
    runtime: Runtime, system_id: int, selection: Selection, resting: Resting, *, limit: int | None = None
) -> Iterator[Census]:
    """Count the customers that an initialize of a connection would request; writes nothing, and needs no Redis."""
    return census(_source(runtime, system_id, time.sleep, ByHand), selection, resting, limit=limit)


def _source(
    runtime: Runtime, system_id: int, sleep: Callable[[float], None], gate: type[ThrottledReads] = ThrottledReads
) -> IPaaS:
    """iPaaS.com for reading a list: each read waits for a slot of the throttle, and belongs to no job."""
    waiting = gate(runtime.ledger, system_id, runtime.timeouts.call, sleep)
    return runtime.source(system_id, str(uuid.uuid4()), waiting)
