"""Accepts triggers: each of their notifications becomes a job in the ledger, or a refusal that an operator sees."""

from __future__ import annotations

import time
from itertools import chain, repeat
from typing import Any, Final

from tasks.jobs import RefusingTask
from worker import handover
from worker.app import app
from worker.jobs.errors import LedgerUnavailable, TriggerOff
from worker.jobs.routes import ACCEPT_TRIGGER, UPKEEP
from worker.sync.triggers import Refused, Verdict, judge, names_unknown
from worker.telemetry import outcomes, sentry
from worker.telemetry.outcomes import announce

PUT_BACK_SECONDS: Final = 5
TIMES_PUT_BACK: Final = 12
"""How often a trigger is put back whose connection another worker may know: for a minute in all."""


def submit(trigger: object) -> list[Verdict]:
    """Hand over one trigger from iPaaS.com, as JSON text or as its parsed value.

    Once this returns, every accepted notification is in the ledger, and every refused one is noted with its reason. It
    returns a verdict for each notification, in the trigger's order. Raises worker.ledger.LedgerUnavailable if Redis
    does not answer, and worker.config.faults.ConfigurationError; send the trigger again then, so that nothing is lost.
    """
    app.reloader.look_if_due()
    verdicts = judge(trigger, app.runtime.connections)
    if names_unknown(verdicts):  # it may have been added a moment ago
        app.reloader.look()
        verdicts = judge(trigger, app.runtime.connections)
    return handover.hand_over(verdicts, app.runtime.ledger)


@app.task(bind=True, base=RefusingTask, name=ACCEPT_TRIGGER)
def accept_trigger(self: RefusingTask, trigger: object) -> dict[str, Any]:
    """Hand over one trigger, a JSON object, from any language through Flower's REST call.

    While Redis does not answer, the trigger waits here, because its message could be lost if it were put back. If it
    names a connection that is not known here, and workers differ, one that knows it may get it next.
    """
    is_last = self.request.retries >= TIMES_PUT_BACK or not app.reloader.workers_differ()
    if not is_last and names_unknown(judge(trigger, app.runtime.connections)):
        raise self.retry(countdown=PUT_BACK_SECONDS, max_retries=TIMES_PUT_BACK, queue=UPKEEP)
    verdicts = _submit_patiently(trigger)
    refused = [verdict for verdict in verdicts if isinstance(verdict, Refused)]
    sentry.report_refusals((each.system_id, each.error) for each in refused if not isinstance(each.error, TriggerOff))
    codes = [each.error.failure.code for each in refused]
    return {"accepted": len(verdicts) - len(codes), "refused": codes}


def _submit_patiently(trigger: object) -> list[Verdict]:
    for seconds in chain((1, 2, 4), repeat(8)):
        try:
            return submit(trigger)
        except LedgerUnavailable as error:
            announce(outcomes.TRIGGER_WAITS, error=error)
            time.sleep(seconds)
    raise AssertionError("`repeat` has no end")
