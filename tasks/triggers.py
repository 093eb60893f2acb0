"""Accepts triggers: each of their notifications becomes a job in the ledger, or a refusal that an operator sees."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final

from celery.exceptions import Reject

from tasks.jobs import RefusingTask
from worker import handover
from worker.app import app
from worker.jobs.errors import LedgerUnavailable
from worker.jobs.routes import ACCEPT_TRIGGER, UPKEEP
from worker.sync.triggers import Accepted, Refused, Verdict, error_of_unknown
from worker.telemetry import outcomes
from worker.telemetry.outcomes import announce

if TYPE_CHECKING:
    from collections.abc import Callable

PUT_BACK_SECONDS: Final = 5
TIMES_PUT_BACK: Final = 12
"""How often a trigger is put back whose connection another worker may know: for a minute in all."""


def submit(trigger: object) -> list[Verdict]:
    """Hand over one trigger from iPaaS.com, as JSON text or as its parsed value.

    Once this returns, every accepted notification is in the ledger, and every refused one is noted with its reason. It
    returns a verdict for each notification, in the trigger's order. Raises worker.ledger.LedgerUnavailable if Redis
    does not answer, and worker.config.faults.ConfigurationError; send the trigger again then, so that nothing is lost.
    """
    return handover.hand_over(app.reloader.judge(trigger), app.runtime.ledger)


@app.task(bind=True, base=RefusingTask, name=ACCEPT_TRIGGER)
def accept_trigger(self: RefusingTask, trigger: object) -> dict[str, Any]:
    """Hand over one trigger, a JSON object, from any language through Flower's REST call.

    While Redis does not answer, the trigger waits here, because its message could be lost if it were put back. If it
    names a connection that is not known here, and workers differ, one that knows it may get it next.
    """
    _put_back_if_known_elsewhere(self, trigger)
    verdicts = _patiently(lambda: submit(trigger))
    handover.report_refusals(verdicts)
    codes = [verdict.error.failure.code for verdict in verdicts if isinstance(verdict, Refused)]
    return {"accepted": len(verdicts) - len(codes), "refused": codes}


def _put_back_if_known_elsewhere(task: RefusingTask, trigger: object) -> None:
    """Raise Celery's Retry if a trigger names a connection that another worker may know.

    What is known here is handed over first. If the trigger can't be put back, it is judged here.
    """
    if task.request.retries >= TIMES_PUT_BACK or not app.reloader.workers_differ():
        return
    verdicts = app.reloader.judge(trigger)
    unknown = error_of_unknown(verdicts)
    if unknown is None:
        return
    if not task.request.retries:
        known: list[Verdict] = [each for each in verdicts if isinstance(each, Accepted)]
        _patiently(lambda: handover.hand_over(known, app.runtime.ledger))
    with suppress(Reject):
        raise task.retry(exc=unknown, countdown=PUT_BACK_SECONDS, max_retries=TIMES_PUT_BACK, queue=UPKEEP)


def _patiently(act: Callable[[], list[Verdict]]) -> list[Verdict]:
    for seconds in chain((1, 2, 4), repeat(8)):
        try:
            return act()
        except LedgerUnavailable as error:
            announce(outcomes.TRIGGER_WAITS, error=error)
            time.sleep(seconds)
    raise AssertionError("`repeat` has no end")
