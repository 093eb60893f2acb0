"""Fixtures for the tests that run on real parts; see tests/parts.py."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import redis
from hypothesis import settings

from tests import parts
from worker.config.settings import variable
from worker.ledger import Ledger, LedgerTimes, StoreLimits
from worker.sandbox.server import RunningSandbox, Sandbox, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("any machine", deadline=None)  # a busy one takes its time
settings.load_profile("any machine")

# Whatever a test forgets to say must not end up in a Redis that somebody runs on this machine.
os.environ.setdefault(variable("redis_url"), "redis://127.0.0.1:9/0")

VIRTUAL_CLOCK = "local function now_ms() return tonumber(redis.call('GET', 'virtual-clock')) end"


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """One Valkey server for the whole run."""
    with parts.valkey() as url:
        yield url


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """The Valkey server, empty."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
    return valkey_url


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the empty Valkey server."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    """Both APIs with one customer, 150713."""
    customer = {
        "id": "150713",
        "customer_number": "C-713",
        "first_name": "Zoë",
        "last_name": "Müller",
        "email_address": "zoe@example.com",
        "comment": "Prefers tea",
        "external_ids": [],
    }
    with serve(Sandbox([customer])) as running:
        yield running


class Clock:
    """The ledger's clock, moved by hand."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._client.set("virtual-clock", 1_800_000_000_000)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._client.incrby("virtual-clock", round(seconds * 1000))

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        now: Any = self._client.get("virtual-clock")
        return int(now)


@pytest.fixture
def clock(client: redis.Redis) -> Clock:
    """The clock of the `ledger` fixture."""
    return Clock(client)


@pytest.fixture
def ledger(client: redis.Redis, clock: Clock) -> Ledger:  # noqa: ARG001 - the clock must be there
    """A ledger on the empty Valkey server, whose clock stands still until it is moved."""
    stores = {4021: StoreLimits(concurrent=1000, stamped=None)}
    return Ledger(
        client, LedgerTimes(lease_seconds=45, lost_after_seconds=30), stores, replaced={"_clock": VIRTUAL_CLOCK}
    )
