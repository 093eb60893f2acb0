"""A real worker that carries on: few messages, and yet each job is a task of its own in Celery's events."""

from __future__ import annotations

import json
import signal
import threading
from base64 import b64decode
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests import parts
from tests.rerunning import rerun_all
from worker.app import app
from worker.config.settings import Settings
from worker.connections import load_connections
from worker.handover import open_ledger
from worker.jobs.job import Job, Kind, State
from worker.jobs.routes import CUSTOMERS, QUEUES, RERUN, TASK_OF, UPKEEP
from worker.runtime import Runtime
from worker.sandbox.faults import Fault
from worker.sandbox.server import Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from worker.sandbox.server import RunningSandbox

COUNT, FEW = 40, 8
STORES, TURNS = (parts.SYSTEM, 4022, 4023), 6
REFUSED, LATER = "7", "9"
ONE_AT_A_TIME = "throttle = { limit = 100000, seconds = 1, concurrent = 1 }"
TWO_AT_A_TIME = ONE_AT_A_TIME.replace("concurrent = 1", "concurrent = 2")
JOBS = [Job(Kind.CUSTOMER, parts.SYSTEM, str(number)) for number in range(1, COUNT + 1)]


class Events:
    """The events of tasks that Flower would get, by the task's id."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def note(self, event: dict[str, Any]) -> None:
        """Add one."""
        if event["type"].startswith("task-"):
            self.of[event["uuid"]].append(event)

    def tasks(self) -> dict[str, tuple[str, ...]]:
        """The events of each task that was received, by its arguments."""
        return {each[0]["args"]: tuple(event["type"] for event in each) for each in self.of.values()}

    def runtimes(self) -> list[float]:
        """How long each task ran that ended well, in seconds."""
        ended = [event for events in self.of.values() for event in events if event["type"] == "task-succeeded"]
        return [event["runtime"] for event in ended]


@contextmanager
def events_of(url: str) -> Iterator[Events]:
    """What is sent in the block."""
    events = Events()
    app.conf.update(broker_url=url)
    with app.connection_for_read(url) as connection:
        receiver = app.events.Receiver(connection, handlers={"*": events.note})
        thread = threading.Thread(target=lambda: receiver.capture(limit=None, wakeup=False), daemon=True)
        thread.start()
        yield events
        receiver.should_stop = True
        thread.join()


@pytest.fixture
def store() -> Iterator[RunningSandbox]:
    """Both APIs with the customers of the jobs."""
    customers = [{"id": job.customer_id, "email_address": f"c{job.customer_id}@example.com"} for job in JOBS]
    with serve(Sandbox(customers, systems=STORES)) as running:
        yield running


def pushes(client: redis.Redis) -> int:
    """How many messages were pushed to Celery's queues so far."""
    stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_lpush", {}).get("calls", 0))


def test_worker_carries_on(tmp_path: Path, redis_url: str, client: redis.Redis, store: RunningSandbox) -> None:
    """One message runs many jobs; each has its own id, arguments, states and runtime in the events."""
    connections = parts.write_connections(tmp_path, store.url)
    connections.write_text(f"{connections.read_text()}\n{ONE_AT_A_TIME}\n")
    app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
    store.sandbox.add_fault(Fault(path=f"Customer/{REFUSED}$", status=400, body={"message": "no"}))
    store.sandbox.add_fault(Fault(path=f"Customer/{LATER}$", status=503, times=1))
    client.config_resetstat()
    before = pushes(client)
    env = parts.environment(redis_url, connections)
    with events_of(redis_url) as events, parts.worker_process(env, tmp_path / "worker.log"):
        rerun_all(JOBS)
        parts.eventually(lambda: app.runtime.ledger.counts(Kind.CUSTOMER).done == COUNT - 1)
        done = "task-received", "task-started", "task-succeeded"
        expected = {f"({job.system_id}, '{job.customer_id}')": done for job in JOBS}
        expected[f"({parts.SYSTEM}, '{REFUSED}')"] = "task-received", "task-started", "task-failed"
        parts.eventually(lambda: len(events.of) >= COUNT and expected.items() - events.tasks().items() <= {LATER_ENDS})
    assert {each[0]["name"] for each in events.of.values()} == {TASK_OF[Kind.CUSTOMER]}
    assert all(0 < runtime < 60 for runtime in events.runtimes())
    record = app.runtime.ledger.record(Job(Kind.CUSTOMER, parts.SYSTEM, REFUSED))
    assert record
    assert record.state is State.FAILED
    assert pushes(client) - before <= COUNT / 4


def test_stores_take_turns_on_one_thread(
    tmp_path: Path, redis_url: str, client: redis.Redis, store: RunningSandbox
) -> None:
    """Behind a store's turn comes the oldest message, which the step that ends a job takes, and not Celery."""
    connections = parts.write_connections(tmp_path, store.url)
    more = (parts.connection(store.url, system_id=system) for system in STORES[1:])
    text = f"\n{ONE_AT_A_TIME}\n".join([connections.read_text(), *more, ""])
    connections.write_text(text)
    app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
    jobs = [Job(Kind.CUSTOMER, system, job.customer_id) for system in STORES for job in JOBS[:TURNS]]
    env = parts.environment(redis_url, connections, STAMPED_SYNC_CARRY_ON_JOBS="2", STAMPED_SYNC_CARRY_ON_SECONDS="60")
    with events_of(redis_url) as events:
        rerun_all(jobs)
        client.config_resetstat()
        with parts.worker_process(env, tmp_path / "worker.log", "--concurrency=1"):
            parts.eventually(lambda: app.runtime.ledger.counts(Kind.CUSTOMER).done == len(jobs))
            parts.eventually(lambda: len(events.tasks()) == len(jobs))
    in_order = [each[0]["args"].split(",")[0][1:] for each in events.of.values()]
    for length in range(len(in_order)):
        counts = [in_order[:length].count(str(system)) for system in STORES]
        assert max(counts) - min(counts) <= 4  # a turn of two, and as many again where a thread went back to Celery
    stats: Any = client.info("commandstats")
    assert stats["cmdstat_lindex"]["calls"] >= TURNS / 2


@pytest.fixture
def slow_store(store: RunningSandbox) -> RunningSandbox:
    """The same, and each call takes a moment."""
    store.sandbox.add_fault(Fault(delay_seconds=0.05))
    return store


@pytest.fixture
def env(tmp_path: Path, redis_url: str, slow_store: RunningSandbox) -> dict[str, str]:
    """The environment of a worker that has both places of the store on its two threads, and a backlog."""
    connections = parts.write_connections(tmp_path, slow_store.url)
    connections.write_text(f"{connections.read_text()}\n{TWO_AT_A_TIME}\n")
    app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
    rerun_all(JOBS)
    return parts.environment(redis_url, connections)


def done() -> int:
    """How many customers' jobs have ended well."""
    return app.runtime.ledger.counts(Kind.CUSTOMER).done


def test_worker_that_is_shut_down_from_afar_leaves_the_backlog(
    tmp_path: Path, redis_url: str, env: dict[str, str]
) -> None:
    """As Flower's Shut down does: no signal comes, and its threads end with their jobs all the same."""
    with parts.worker_process(env, tmp_path / "worker.log", "--concurrency=2") as worker:
        parts.eventually(lambda: done() >= 2)
        app.conf.update(broker_url=redis_url)
        app.control.shutdown()
        worker.wait()
    assert done() < COUNT - 10


def test_message_that_the_step_does_not_see_has_its_turn(tmp_path: Path, redis_url: str, env: dict[str, str]) -> None:
    """It is in a queue of somebody's own, from which the worker takes as well."""
    queues = ",".join([*QUEUES, "own"])
    with (
        events_of(redis_url) as events,
        parts.worker_process(env, tmp_path / "worker.log", "--concurrency=2", f"--queues={queues}"),
    ):
        parts.eventually(lambda: done() >= 2)
        app.send_task(RERUN, args=("customer", parts.SYSTEM, "1"), queue="own")
        parts.eventually(lambda: any(each[0].get("name") == RERUN for each in events.of.values()))
        assert done() < COUNT - 5


def test_worker_that_takes_from_some_queues_alone_carries_on_with_nothing(
    tmp_path: Path, env: dict[str, str], client: redis.Redis
) -> None:
    """Each of its jobs has a message, so it runs none of another kind."""
    before = pushes(client)
    with parts.worker_process(env, tmp_path / "worker.log", "--concurrency=2", "--queues=customers"):
        parts.eventually(lambda: done() == COUNT)
    assert pushes(client) - before >= COUNT - 2


def test_events_go_on_after_the_consumer_has_lost_redis(
    tmp_path: Path, redis_url: str, env: dict[str, str], client: redis.Redis
) -> None:
    """Other data under the queues' names lets it reconnect, while its threads carry on: each task comes to its end."""
    log = tmp_path / "worker.log"
    with events_of(redis_url) as events, parts.worker_process(env, log, "--concurrency=2"):
        parts.eventually(lambda: done() >= 2)
        client.delete(*QUEUES)
        client.set(UPKEEP, "somebody's")
        parts.eventually(lambda: "another software" in log.read_text("utf-8"))
        client.delete(UPKEEP)
        parts.eventually(lambda: done() == COUNT)
        parts.eventually(lambda: {each[-1]["type"] for each in events.of.values()} == {"task-succeeded"})


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_worker_takes_no_message_for_which_it_has_no_thread(
    tmp_path: Path, redis_url: str, client: redis.Redis, store: RunningSandbox, end: signal.Signals
) -> None:
    """It stays for another worker, and is there if this one is stopped or killed."""
    connections = parts.write_connections(tmp_path, store.url)
    connections.write_text(f"{connections.read_text()}\n{TWO_AT_A_TIME}\n")
    ledger = open_ledger(Settings(redis_url=redis_url), load_connections(connections))
    app.runtime = Runtime.build(Settings(redis_url=redis_url, connections=connections))
    store.sandbox.add_fault(Fault(delay_seconds=0.2))
    env = parts.environment(redis_url, connections, STAMPED_SYNC_CARRY_ON_SECONDS="60")
    # Its only thread carries on with one place of the store; the message of the other waits.
    with parts.worker_process(env, tmp_path / "worker.log", "--concurrency=1") as worker:
        rerun_all(JOBS[:FEW])
        parts.eventually(lambda: ledger.counts(Kind.CUSTOMER).done >= 2)
        assert client.llen(CUSTOMERS) >= 1
        worker.send_signal(end)
        worker.wait()
    sent = {record.job.customer_id for record in parts.in_state(ledger, State.SENT, Kind.CUSTOMER)}
    assert sent
    in_hand = sent - woken_for(client)  # one that its only thread was about to begin is lost if it is killed
    assert len(in_hand) <= (1 if end is signal.SIGKILL else 0)
    assert woken_for(client) <= sent
    assert client.exists("unacked") == 0
    with parts.worker_process(env, tmp_path / "worker.log"):
        parts.eventually(lambda: ledger.counts(Kind.CUSTOMER).done == FEW)
    assert len(store.sandbox.stamped_customers) == FEW


def woken_for(client: redis.Redis) -> set[str]:
    """The customers whose messages wait in the queue."""
    texts: Any = client.lrange(CUSTOMERS, 0, -1)
    return {json.loads(b64decode(json.loads(text)["body"]))[0][1] for text in texts}


LATER_ENDS = (f"({parts.SYSTEM}, '{LATER}')", ("task-received", "task-started", "task-succeeded"))
"""It is tried again, so its events differ: it was retried first."""
