"""The connection that each thread keeps for the ledger's scripts, on a real Valkey."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.jobs import CALLS
from worker.jobs.job import Action, Job, Kind
from worker.ledger import Ledger, LedgerUnavailable
from worker.ledger.connection import connect
from worker.ledger.scripting import SELDOM_SECONDS, OwnClient

if TYPE_CHECKING:
    import redis

JOB = Job(Kind.CUSTOMER, 1, "7")


def test_connection_that_redis_closed_meanwhile_is_no_outage(client: redis.Redis, redis_url: str) -> None:
    """As after a restart, or a time limit of Redis or of a firewall."""
    ledger = Ledger(connect(redis_url))
    ledger.request(JOB)
    claim = ledger.claim(JOB)
    client.client_kill_filter(_type="normal", skipme=True)
    time.sleep(2 * SELDOM_SECONDS)
    ledger.renew(claim)


def test_answer_that_nobody_read_is_not_taken_for_the_next(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C, or nonsense in the place of an answer."""
    ledger = Ledger(connect(redis_url))
    ledger.request(JOB)
    claim = ledger.claim(JOB)
    own = ledger._scripts._own.client  # noqa: SLF001 - what a thread keeps
    with monkeypatch.context() as patched:
        patched.setattr(own, "parse_response", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ledger.renew(claim)
        patched.setattr(own, "parse_response", nonsense)
        with pytest.raises((LedgerUnavailable, ValueError)):
            ledger.renew(claim)
    assert ledger.complete(claim, CALLS, Action.UPDATED, "1").next_claim is None


def interrupted(*_: object, **__: object) -> None:
    """Ctrl-C before the answer is read."""
    raise KeyboardInterrupt


def nonsense(*_: object, **__: object) -> None:
    """An answer that is none."""
    raise ValueError("no answer")


def test_each_thread_and_each_child_has_its_own(redis_url: str) -> None:
    """Nobody reads another one's answers."""
    own = OwnClient(connect(redis_url))
    found = [client_of(own)]
    thread = threading.Thread(target=lambda: found.append(client_of(own)))
    thread.start()
    thread.join()
    assert found[0] is not found[1]
    assert client_of(own) is found[0]
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, b"own" if client_of(own) is not found[0] and own.client.ping() else b"shared")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"own"
    assert found[0].ping()


def client_of(own: OwnClient) -> redis.Redis:
    """This thread's client."""
    own.look()
    return own.client
