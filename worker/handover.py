"""Hands jobs over: opens the ledger, and records there what triggers and people ask for.

It knows neither Celery nor the clients of the APIs, which take longer to import than most commands take to run. The
ledger's scripts push the messages themselves (docs/decisions/0010-the-script-pushes-the-message.md).
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from worker.config.settings import load_settings
from worker.connections import Connections, Throttle, load_connections
from worker.effects import Witness, nobody
from worker.jobs.errors import TriggerOff
from worker.jobs.job import pages
from worker.ledger import Ledger, LedgerTimes, Limit, Refusal, Request, StoreLimits, connect
from worker.ledger.memory.event import Change
from worker.sync.triggers import Accepted, Refused, judge
from worker.telemetry import outcomes, sentry
from worker.telemetry.outcomes import announce

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.config.settings import Settings
    from worker.connections import Connection
    from worker.jobs.asking import Asker, Requested
    from worker.jobs.job import Job
    from worker.sync.triggers import Verdict

WORKER: Final = f"{socket.gethostname()}/{os.getpid()}"
"""The name of this process, as the history of a job shows it."""
NONE: Final = Connections([])


# Opening the ledger ---------------------------------------------------------------------------------------------------


class Opened(NamedTuple):
    """What a command needs that asks the ledger, or hands jobs over to it."""

    settings: Settings
    connections: Connections
    ledger: Ledger


def opened() -> Opened:
    """Read the configuration and prepare the ledger, without any call yet. Raises ConfigurationError."""
    settings = load_settings()
    connections = load_connections(settings.connections)
    return Opened(settings, connections, open_ledger(settings, connections))


def open_ledger(settings: Settings, connections: Connections = NONE, witness: Witness = nobody) -> Ledger:
    """The ledger, with the limits of every connection."""
    times = LedgerTimes(
        settings.lease_seconds, settings.lost_after_seconds, settings.done_days, settings.failed_days, settings.events
    )
    return Ledger(
        connect(settings.redis_url),
        times,
        limits_of(connections),
        worker=WORKER,
        fingerprint=connections.fingerprint,
        witness=witness,
    )


def limits_of(connections: Connections) -> dict[int, StoreLimits]:
    """What each store allows."""
    return {connection.system_id: store_limits(connection) for connection in connections}


def store_limits(connection: Connection) -> StoreLimits:
    """What a connection allows."""
    throttle, reads = connection.throttle, connection.ipaas.throttle
    return StoreLimits(
        concurrent=throttle.concurrent,
        stamped=Limit(throttle.limit, throttle.seconds),
        ipaas=Limit(reads.limit, reads.seconds) if reads else None,
        looks_for_shared=connection.warn_shared,
        unsaid=connection.unsaid & Throttle.model_fields.keys(),
    )


# Triggers and reruns --------------------------------------------------------------------------------------------------


def submit(trigger: object, connections: Connections, ledger: Ledger) -> list[Verdict]:
    """Hand over one trigger, as JSON text or as its parsed value: see `tasks.submit`. Raises LedgerUnavailable."""
    return hand_over(judge(trigger, connections), ledger)


def hand_over(verdicts: list[Verdict], ledger: Ledger) -> list[Verdict]:
    """Hand over a trigger's notifications that were judged; answers them. Raises LedgerUnavailable."""
    # Accepted ones first: if Redis fails in between and the trigger is sent again, repeating them does no harm, while
    # refusals would be noted twice.
    asked: list[Requested] = []
    for page in pages(verdict for verdict in verdicts if isinstance(verdict, Accepted)):
        asked += ledger.request_each(
            [Request(each.job, tracking_guid=each.tracking_guid, debug=each.debug) for each in page]
        )
    requested = iter(asked)
    handed_over: list[Verdict] = []
    for verdict in verdicts:
        if isinstance(verdict, Refused):
            _refuse(verdict, ledger)
            handed_over.append(verdict)
        else:
            handed_over.append(replace(verdict, is_coalesced=next(requested).is_coalesced))
    return handed_over


def report_refusals(verdicts: Sequence[Verdict]) -> None:
    """Tell Sentry what of a trigger was refused, but for what somebody has switched off."""
    refused = (each for each in verdicts if isinstance(each, Refused))
    sentry.report_refusals((each.system_id, each.error) for each in refused if not isinstance(each.error, TriggerOff))


def _refuse(refused: Refused, ledger: Ledger) -> None:
    noted = refusal_of(refused)
    ledger.refuse(noted)
    outcome = outcomes.SWITCHED_OFF if isinstance(refused.error, TriggerOff) else outcomes.REFUSED
    announce(outcome, noted.place, error=refused.error)


def refusal_of(refused: Refused) -> Refusal:
    """What the ledger notes of a refused notification or message."""
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


def run_in_batch(jobs: Iterable[Sequence[Job]], ledger: Ledger, asker: Asker) -> tuple[str, int]:
    """Ask for jobs of one connection, a page at a time: the batch in which their progress shows, and how many they are.

    The batch is empty if there are none. Raises LedgerUnavailable.
    """
    batch_id, count = "", 0
    for page in jobs:
        batch_id = batch_id or ledger.batches.begin(page[0].system_id, asker.source)
        ledger.batches.add(batch_id, run_all(page, ledger, asker))
        count += len(page)
    return batch_id, count


def run_all(jobs: Sequence[Job], ledger: Ledger, asker: Asker, *, debug: bool = False) -> dict[Job, int]:
    """Ask by hand for many jobs at once, which do not wait for the due time of a retry, and remember who asked.

    Answers the wanted version of each.

    Raises LedgerUnavailable.
    """
    versions = ledger.request_all(jobs, asker, debug=debug)
    ledger.events.note(Change.requested(asker, jobs))
    return dict(zip(jobs, versions, strict=True))
