"""Initialize: brings the customers of a connection's whole list into the ledger. The command line runs it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.messages import send
from worker.app import app
from worker.guard import Unhurried
from worker.initialize import Census, Step, census, initialize
from worker.job import Job, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.initialize import Resting
    from worker.ipaas import IPaaS
    from worker.progress import Progress, Selection


@dataclass(frozen=True)
class LedgerIntake:
    """Where an initialize brings the customers of one connection: the ledger."""

    system_id: int

    def backlog(self) -> int:
        """How many of the store's jobs wait for their turn."""
        return app.runtime.ledger.backlog(self.system_id)

    def request(self, customer_ids: Sequence[str]) -> None:
        """Ask for customers, behind whatever triggers ask for."""
        jobs = [Job(Kind.CUSTOMER, self.system_id, each) for each in customer_ids]
        requested = app.runtime.ledger.request_all(jobs, background=True)
        send(message for each in requested for message in each.messages)

    def advance(self, progress: Progress, *, ended: bool = False) -> Progress:
        """Note how far it has come. Raises TakenOver."""
        return app.runtime.ledger.progress.advance(progress, ended=ended)


def go_on(progress: Progress, resting: Resting, *, limit: int | None = None) -> Iterator[Step]:
    """Ask for the customers of a connection from where its initialize stands."""
    intake = LedgerIntake(progress.system_id)
    return initialize(progress, _source(progress.system_id), intake, resting, limit=limit)


def count(system_id: int, selection: Selection, resting: Resting, *, limit: int | None = None) -> Iterator[Census]:
    """Count the customers that an initialize of a connection would ask for; writes nothing."""
    return census(_source(system_id), selection, resting, limit=limit)


def _source(system_id: int) -> IPaaS:
    runtime = app.runtime
    return runtime.source(system_id, str(uuid.uuid4()), Unhurried(runtime.ledger, system_id, runtime.timeouts.call))
