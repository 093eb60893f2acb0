"""Messages on the queues: wake-up calls for jobs that are in the ledger."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from kombu.exceptions import OperationalError

from worker.app import app
from worker.effects import Effect, witnessed
from worker.jobs.job import Kind
from worker.jobs.routes import queue_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.ledger import Message

log = logging.getLogger(__name__)

TASK_OF: Final = {Kind.CUSTOMER: "stamped.transfer_customer", Kind.SUBSCRIPTION: "stamped.reconcile_subscription"}


def send(messages: Iterable[Message]) -> None:
    """Send messages that are owed. Where the queue can't be reached, the sweeper sends them later."""
    for message in messages:
        job = message.job
        try:
            with witnessed(app.runtime.witness, Effect.PUBLISH):
                app.send_task(
                    TASK_OF[job.kind],
                    args=(job.system_id, job.customer_id),
                    queue=queue_of(job.kind, to_front=message.to_front),
                )
        except OperationalError:
            log.warning("%s: the queue takes no message now; the sweeper will send it", job)
            return
