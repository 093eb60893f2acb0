"""What listens at the Redis URL may be no Redis, and answer anything: that is said, and nothing else is ever raised."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from typing import TYPE_CHECKING

import pytest
from kombu.exceptions import OperationalError

from worker.app import app
from worker.config.redis_url import RedisUrl
from worker.jobs.job import Job, Kind
from worker.ledger import Ledger, LedgerUnavailable, connect
from worker.ledger.proving.proof import prove

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWERS = {
    "ok": b"+OK\r\n",
    "pong": b"+PONG\r\n",
    "number": b":1\r\n",
    "nothing": b"$-1\r\n",
    "empty list": b"*0\r\n",
    "no list": b"*-1\r\n",
    "empty map": b"%0\r\n",
    "a word": b"$5\r\nhello\r\n",
    "other charset": b"$3\r\n\xff\xfe\xfd\r\n",
    "error in another charset": b"-\xff\xfe\r\n",
    "no length": b"$abc\r\n",
    "no number": b":one\r\n",
    "no count": b"*many\r\n",
    "redirect to nowhere": b"-MOVED x\r\n",
    "question to nowhere": b"-ASK\r\n",
    "deep list": b"*1\r\n" * 5000 + b":1\r\n",
    "web page": b"HTTP/1.1 400 Bad Request\r\n\r\n<html>",
    "ssh": b"SSH-2.0-OpenSSH\r\n",
    "bytes": b"\x00\x01\x02",
}


class Listener(socketserver.ThreadingTCPServer):
    """Answers every command with the same bytes."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answer = answer


class _Answering(socketserver.BaseRequestHandler):
    server: Listener

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while received := self.request.recv(65536):
                self.request.sendall(self.server.answer * max(1, received.count(b"*")))


@pytest.fixture(params=ANSWERS)
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """Its host and port."""
    with Listener(ANSWERS[request.param]) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{listener.server_address[1]}"
        listener.shutdown()
        thread.join()


@pytest.mark.parametrize("login", ["", "worker:hidden@"])
@pytest.mark.parametrize("database", ["0", "1"])
def test_whatever_answers_is_a_finding(place: str, login: str, database: str) -> None:
    """As `check` shows it and a start refuses or waits for it."""
    proof = prove(RedisUrl.read(f"redis://{login}{place}/{database}?socket_timeout=1"))
    assert len(proof.errors) == len(proof.findings) == 1


def test_whatever_answers_is_an_unavailable_ledger(place: str) -> None:
    """For every kind of call that a worker makes."""
    ledger = Ledger(connect(f"redis://{place}/0?socket_timeout=1"))
    job = Job(Kind.CUSTOMER, 4021, "150713")
    for call in (ledger.ping, lambda: ledger.request(job), ledger.figures, lambda: ledger.record(job)):
        with pytest.raises(LedgerUnavailable):
            call()


def test_whatever_answers_is_a_queue_that_is_away(place: str) -> None:
    """Celery waits for it."""
    connection = app.connection_for_write(f"redis://{place}/0?socket_timeout=1")
    with pytest.raises(OperationalError), connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
