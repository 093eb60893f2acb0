"""The message that the ledger's scripts push, beside the one that Celery's own publisher writes."""

from __future__ import annotations

import json
import uuid
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.jobs import CALLS, admitted, claimed, record_of
from tests.parts import SYSTEM
from worker.app import app
from worker.jobs.errors import LedgerRefuses
from worker.jobs.job import Action, Job, Kind, State
from worker.jobs.routes import CUSTOMERS, QUEUE_OF, QUEUES, TASK_OF, UPKEEP
from worker.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from tests.conftest import Clock

IDS = ("id", "root_id", "correlation_id", "delivery_tag")
OWN = ("origin", "reply_to")
"""Who sent it, and where an answer goes: nothing looks at them, as no task's result is asked for."""
OF_SENTRY = {"baggage", "sentry-trace", "sentry-task-enqueued-time"}
"""What Sentry adds to a message if another test has set it up in this process: a job continues no trace."""
CUSTOMER_IDS = [*(("1234567890123456789")[:length] for length in range(1, 20)), "9" * 19]
"""Of each length that there is, as the arguments are coded in groups of three."""


def pushed(client: redis.Redis, queue: str) -> dict[str, Any]:
    """The only message of a queue."""
    texts: Any = client.lrange(queue, 0, -1)
    (message,) = map(json.loads, texts)
    return dict(message)


@pytest.fixture
def by_celery(client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Job, str], Any]:
    """What gives the message that our application's own publisher writes for a job, into an empty queue."""
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    app.conf.update(broker_url=redis_url)

    def published(job: Job, queue: str) -> Any:
        client.delete(queue)
        app.send_task(TASK_OF[job.kind], args=(job.system_id, job.customer_id), queue=queue)
        return pushed(client, queue)

    return published


def flat(value: Any, *path: str) -> dict[str, Any]:
    """Every value of a message by its path, but for ids and for what is its sender's own; the body as what it says."""
    if path == ("body",):
        return {"body": json.loads(b64decode(value))}
    if OF_SENTRY & {*path} or path == ("headers", "headers"):
        return {}
    if not isinstance(value, dict) or not value:
        return {".".join(path): type(value) if path[-1] in (*IDS, *OWN) else value}
    return {name: each for key in value for name, each in flat(value[key], *path, key).items()}


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("kind", Kind)
def test_message_is_the_one_that_celery_writes(
    client: redis.Redis, by_celery: Callable[[Job, str], Any], kind: Kind, debug: bool
) -> None:
    """Value by value, at its place: the locked version of Celery reads it as its own."""
    ledger = Ledger(client)
    queue = UPKEEP if debug else QUEUE_OF[kind]
    for system_id, number in enumerate(CUSTOMER_IDS, SYSTEM):
        job = Job(kind, system_id, number)
        ledger.request(job, debug=debug)
        ours = pushed(client, queue)
        assert flat(ours) == flat(by_celery(job, queue))
        client.delete(queue)


def test_no_two_messages_have_one_id(client: redis.Redis) -> None:
    """Each has one, in the form of a UUID, at every place where Celery looks for it."""
    ledger = Ledger(client)
    jobs = [Job(kind, system, str(number)) for kind in Kind for system in (1, 11) for number in range(1, 6)]
    ledger.request_all(jobs)
    texts: list[Any] = [client.lrange(queue, 0, -1) for queue in QUEUES]
    messages = [json.loads(text) for queue in texts for text in queue]
    found = [{(each["headers"] | each["properties"])[name] for name in IDS} for each in messages]
    ids = {uuid.UUID(each) for (each,) in found}
    assert len(ids) == len(messages) == len(jobs)


JOBS = [Job(Kind.CUSTOMER, SYSTEM, str(number)) for number in range(3)]


def test_queue_that_takes_no_message_loses_nothing(client: redis.Redis, ledger: Ledger, clock: Clock) -> None:
    """Other data has its name: whoever asks has asked, the jobs wait, and only the pump says why."""
    client.set(CUSTOMERS, "somebody's")
    assert ledger.request_all(JOBS) == [1, 1, 1]
    assert [record_of(ledger, job).state for job in JOBS] == [State.QUEUED] * 3
    with pytest.raises(LedgerRefuses, match="it takes no message into a queue"):
        ledger.admit(SYSTEM)
    assert ledger.repair(acts=False).faults == 0
    client.delete(CUSTOMERS)
    clock.advance(1)
    assert admitted(ledger) == JOBS


def test_job_that_ends_when_the_queue_takes_no_message_has_ended(client: redis.Redis, ledger: Ledger) -> None:
    """What it has done is not undone by a message of another."""
    claim = claimed(ledger, JOBS[0])
    ledger.request(JOBS[0])
    client.delete(CUSTOMERS)
    client.set(CUSTOMERS, "somebody's")
    ledger.complete(claim, CALLS, Action.UPDATED, "1")
    assert record_of(ledger, JOBS[0]).settled == 1
