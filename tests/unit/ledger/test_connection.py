"""An outage of Redis is one line when it begins and one when it is over, however many meet it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import redis
from kombu.exceptions import OperationalError

from tests.unit.clock import Clock
from worker.broker import GivenUp, InWords, NotReady
from worker.ledger import ScriptFailed
from worker.ledger.connection import QUIET_SECONDS, REPEAT_SECONDS, Outage

FULL, BUSY = "has reached its maxmemory: raise it", "is busy: wait"


@pytest.fixture
def clock() -> Clock:
    """The outage's clock."""
    return Clock()


@pytest.fixture
def outage(clock: Clock) -> Outage:
    """No outage yet."""
    return Outage(clock)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """What was logged so far."""
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def test_outage_is_told_once_and_its_end_once(outage: Outage, clock: Clock, lines: Any) -> None:
    """The end with how long it lasted."""
    for _ in range(50):
        outage.met(FULL)
    clock.now += 12
    outage.ended()
    outage.ended()
    assert lines() == [f"Redis {FULL}", "Redis takes writes again, after 12 s"]


def test_other_trouble_is_told_too(outage: Outage, lines: Any) -> None:
    """A restart refuses connections first, and then loads its data; what comes and goes is told once."""
    for words in (FULL, BUSY, FULL, BUSY):
        outage.met(words)
    assert lines() == [f"Redis {FULL}", f"Redis {BUSY}"]


def test_what_comes_and_goes_every_second_fills_no_log(outage: Outage, clock: Clock, lines: Any) -> None:
    """A memory at its limit is full, and is not, and is full again; two outages minutes apart are two."""
    for _ in range(2 * QUIET_SECONDS):
        outage.met(FULL)
        outage.ended()
        clock.now += 1
    assert len(lines()) == 4


def test_long_outage_is_told_again(outage: Outage, clock: Clock, lines: Any) -> None:
    """Somebody who looks at the last lines of a log must see it."""
    outage.met(FULL)
    clock.now += REPEAT_SECONDS
    outage.met(FULL)
    assert lines() == [f"Redis {FULL}"] * 2


def test_end_is_not_told_where_no_outage_was(outage: Outage, lines: Any) -> None:
    """Every connection that is made says that Redis takes writes."""
    outage.ended()
    assert lines() == []


def test_fault_of_ours_is_told_as_such(outage: Outage, lines: Any) -> None:
    """Once too, and no outage ends by it."""
    for _ in range(3):
        outage.fault(ScriptFailed("ERR in the script claim, line 12"))
    outage.ended()
    (line,) = lines()
    assert line.startswith("internal-error: ")
    assert line.endswith("ERR in the script claim, line 12")


class Full:
    """A Redis that takes no write until it is told to."""

    takes = False

    def set(self, *_: object, **__: object) -> None:
        """Refuse."""
        if not self.takes:
            raise redis.OutOfMemoryError("command not allowed")


def test_script_that_wrote_nothing_does_not_end_an_outage(outage: Outage, lines: Any) -> None:
    """Only a write that is taken does."""
    server: Any = Full()
    outage.look(server)
    outage.met(FULL)
    outage.look(server)
    assert len(lines()) == 1
    server.takes = True
    outage.look(server)
    assert len(lines()) == 2


# What Celery, kombu and Flower log of Redis -----------------------------------------------------------------------


def logged(name: str, message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord | None:
    """A line after our filter; None where it is left out."""
    exc_info = (type(error), error, None) if error else None
    record = logging.LogRecord(name, logging.ERROR, "", 1, message, args, exc_info)
    return record if InWords().filter(record) else None


FOREIGN = redis.ReadOnlyError("You can't write, zoe@example.com", status_code="READONLY")


@pytest.mark.parametrize("name", ["celery.worker.consumer.consumer", "kombu.connection", "flower.inspector"])
def test_error_of_redis_in_a_foreign_line_is_told_in_our_words(name: str) -> None:
    """Redis' own text can hold anything."""
    line = logged(name, "Inspect method %s failed: %s", "stats", FOREIGN)
    assert line
    assert line.getMessage().startswith(
        "Inspect method stats failed: Redis is a replica, which takes no writes (READONLY)"
    )


@pytest.mark.parametrize("name", ["celery.beat", "celery.worker.request", "kombu.asynchronous.hub"])
def test_trace_of_an_error_of_redis_is_left_out(name: str, lines: Any) -> None:
    """There would be one for each message and each tick; the outage is told instead."""
    assert logged(name, "Message Error: %s", FOREIGN, error=FOREIGN) is None
    assert logged(name, "Message Error", error=NotReady("is not ready: wait")) is None
    assert logged(name, "Couldn't ack", error=GivenUp()) is None
    wrapped = OperationalError()
    wrapped.__cause__ = FOREIGN
    assert logged(name, "Message Error", error=wrapped) is None
    assert all(line.startswith("Redis ") for line in lines())


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("celery.app.trace", AttributeError("ours")),
        ("celery.app.trace", OSError("an API's")),
        ("tasks.jobs", FOREIGN),
        ("worker.app", FOREIGN),
    ],
)
def test_every_other_trace_stays(name: str, error: BaseException) -> None:
    """A fault that came up while Redis was away is a fault all the same."""
    error.__context__ = None if error is FOREIGN else FOREIGN
    line = logged(name, "broken", error=error)
    assert line
    assert line.exc_info
