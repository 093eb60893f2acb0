"""Notes what was not accepted, a notification of a trigger or a message on a queue, where an operator sees it."""

from __future__ import annotations

import inspect
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from celery import Task

from worker.app import app
from worker.jobs.errors import (
    ConnectionUnknown,
    CustomerIdInvalid,
    TriggerMalformed,
    TriggerOff,
    error_fields,
    error_help,
)
from worker.jobs.job import plain_text
from worker.ledger import LedgerUnavailable, Refusal
from worker.sync.triggers import DIGITS, Refused

if TYPE_CHECKING:
    from worker.jobs.errors import SyncError

log = logging.getLogger(__name__)


class RefusingTask(Task[..., Any]):
    """A task that refuses a message with other arguments than it takes. All are, as anybody can send a message."""

    abstract = True
    throws: tuple[type[Exception], ...] = (TriggerMalformed, CustomerIdInvalid, ConnectionUnknown)
    """Celery need not log these: they are refusals, which are logged and noted here."""

    @cached_property
    def takes(self) -> inspect.Signature:
        """The arguments that it takes."""
        return inspect.signature(self.run)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the message. Raises TriggerMalformed if it can't be run, and what the run raises."""
        try:
            self.takes.bind(*args, **kwargs)
        except TypeError:
            named = ", ".join(self.takes.parameters) or "nothing"
            error = TriggerMalformed(f"the message does not hold what the task takes: {named}")
            refuse_message(error, self.name)
            raise error from None
        return super().__call__(*args, **kwargs)


def refuse(refused: Refused) -> None:
    """Note a notification. Raises LedgerUnavailable."""
    app.runtime.ledger.refuse(_noted(refused))
    level = logging.INFO if isinstance(refused.error, TriggerOff) else logging.WARNING
    line = {"outcome": "refused"} | error_fields(refused.error) | error_help(refused.error)
    log.log(level, "trigger %s, notification %d: %s", refused.trigger_id, refused.position, refused.error, extra=line)


def refuse_message(error: SyncError, task: str, system_id: object = None, customer_id: object = None) -> None:
    """Note a message that holds no job: nothing else can come of it, so whoever sends such messages must hear of it."""
    log.warning(
        "message of %s: refused, %s",
        task,
        error,
        extra={"outcome": "refused"} | error_fields(error) | error_help(error),
    )
    shown = (text if DIGITS.fullmatch(text := plain_text(value)) else "" for value in (system_id, customer_id))
    system, customer = shown
    try:
        app.runtime.ledger.refuse(_noted(Refused(error, task, 0, system_id=system, customer_id=customer)))
    except LedgerUnavailable as silent:
        log.warning("message of %s: not noted, %s", task, silent)


def _noted(refused: Refused) -> Refusal:
    failure = refused.error.failure
    return Refusal(
        code=failure.code,
        detail=failure.detail,
        trigger_id=refused.trigger_id,
        position=refused.position,
        system_id=refused.system_id,
        scope=refused.scope,
        customer_id=refused.customer_id,
    )
