"""Initialize: brings the customers of a connection's whole list into the ledger. The command line runs it."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.messages import send
from worker.app import app
from worker.jobs.job import Job, Kind
from worker.ledger.guard import ThrottledReads
from worker.sync.census import Census, census
from worker.sync.initialize import Step, initialize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.http.client import Gate
    from worker.ipaas.client import IPaaS
    from worker.jobs.progress import Known, Progress, Selection
    from worker.sync.patience import Resting


@dataclass(frozen=True)
class LedgerIntake:
    """Where an initialize brings the customers of one connection: the ledger."""

    system_id: int

    def backlog(self) -> int:
        """How many of the store's jobs wait for their turn."""
        return app.runtime.ledger.backlog(self.system_id)

    def look(self, progress: Progress, customer_ids: Sequence[str]) -> Known:
        """What is known of some customers."""
        ledger = app.runtime.ledger
        return ledger.progress.look(progress, {each: ledger.key(self._job(each)) for each in customer_ids})

    def request(self, customer_ids: Sequence[str]) -> None:
        """Ask for customers, behind whatever triggers ask for."""
        requested = app.runtime.ledger.request_all([self._job(each) for each in customer_ids], background=True)
        send(message for each in requested for message in each.messages)

    def advance(self, progress: Progress, met: Sequence[str], *, ended: bool) -> Progress:
        """Note how far it has come, and whom it has met since. Raises TakenOver."""
        return app.runtime.ledger.progress.advance(progress, met, ended=ended)

    def _job(self, customer_id: str) -> Job:
        return Job(Kind.CUSTOMER, self.system_id, customer_id)


def go_on(
    progress: Progress, resting: Resting, *, limit: int | None = None, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Step]:
    """Ask for the customers of a connection from where its initialize stands."""
    source = source_of(progress.system_id, _unhurried(progress.system_id, sleep))
    return initialize(progress, source, LedgerIntake(progress.system_id), resting, limit=limit, sleep=sleep)


def count(system_id: int, selection: Selection, resting: Resting, *, limit: int | None = None) -> Iterator[Census]:
    """Count the customers that an initialize of a connection would ask for; writes nothing."""
    source = source_of(system_id, _unhurried(system_id, time.sleep))
    return census(source, selection, resting, limit=limit)


def source_of(system_id: int, gate: Gate) -> IPaaS:
    """iPaaS.com, for reading a list: it belongs to no job."""
    return app.runtime.source(system_id, str(uuid.uuid4()), gate)


def _unhurried(system_id: int, sleep: Callable[[float], None]) -> ThrottledReads:
    runtime = app.runtime
    return ThrottledReads(runtime.ledger, system_id, runtime.timeouts.call, sleep)
