"""The bytes of a call: `http.client` is what says how they are written and read."""

from __future__ import annotations

import contextlib
import http.client
import io
import random
import socket
import time
from typing import Any

import pytest
from urllib3 import HTTPHeaderDict
from urllib3.connection import HTTPConnection

from worker.http.wire import Answering, head_of

FIELDS = {"Authorization": "Basic c2VjcmV0", "Accept": "application/json"}
LONG_SECONDS = 10
EARLY = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


class Sent:
    """A socket that keeps what is sent."""

    def __init__(self) -> None:
        self.content = b""

    def sendall(self, content: bytes) -> None:
        """Keep it."""
        self.content += content

    def settimeout(self, _: object) -> None:
        """Never wait."""


# Requests -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["api.ipaas.com", "127.0.0.1", "::1", "fe80::1"])
@pytest.mark.parametrize("port", [80, 8080])
@pytest.mark.parametrize(("method", "more"), [("GET", {}), ("POST", {"Content-Length": "2"})])
def test_head_is_what_urllib3_writes(host: str, port: int, method: str, more: dict[str, str]) -> None:
    """Line by line."""
    theirs, sent = HTTPConnection(host, port), Sent()
    theirs.sock = sent
    theirs.request(method, "/path?a=%20b", headers=FIELDS | more)
    ours = head_of(method, "/path?a=%20b", host, None if port == HTTPConnection.default_port else port, FIELDS | more)
    assert ours.split(b"\r\n") == sent.content.split(b"\r\n")


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "\x7f"])
def test_head_has_no_line_that_was_not_meant(value: str) -> None:
    """Wherever the text came from."""
    for target, fields in [("/", {"X": value}), ("/", {value: "x"}), (f"/{value}", {})]:
        with pytest.raises(ValueError, match="control character"):
            head_of("GET", target, "host", None, fields)


# Answers --------------------------------------------------------------------------------------------------------------


def outcome(answer: Any) -> object:
    """What reading an answer to its end shows, or the kind of the error that it ends in."""
    try:
        answer.begin()
        fields = getattr(answer, "fields", None) or HTTPHeaderDict(answer.msg.items())
        shown = sorted((name.lower(), " ".join(value.split())) for name, value in fields.items())
        return answer.status, answer.reason, answer.version, answer.will_close, answer.chunked, shown, answer.read()
    except (http.client.HTTPException, OSError, OverflowError) as error:
        return type(error)


def ours(content: bytes, method: str = "GET") -> object:
    """What we make of some bytes."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(content)
        far.shutdown(socket.SHUT_WR)
        with contextlib.closing(Answering(near, method, time.monotonic() + LONG_SECONDS)) as answer:
            return outcome(answer)


@pytest.mark.parametrize("head", ["HTTP/1.1 101 Switching Protocols\r\n\r\n", EARLY * 11], ids=["101", "103"])
def test_answer_that_another_one_follows_is_none(head: str) -> None:
    """What follows would be taken for the answer to the next request."""
    assert ours(f"{head}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}".encode()) is http.client.BadStatusLine


@pytest.mark.parametrize("count", [1, 9])
def test_answer_behind_those_that_announce_it_is_read(count: int) -> None:
    """As a client must; it is the answer, and nothing is left for the next request."""
    found = ours(f"{EARLY * count}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    assert isinstance(found, tuple)
    assert (found[0], found[-1]) == (200, b"{}")


class Bytes:
    """What `http.client` reads bytes from."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def makefile(self, _: str) -> io.BytesIO:
        """The bytes."""
        return io.BytesIO(self.content)


def theirs(content: bytes) -> object:
    """What `http.client` makes of them."""
    return outcome(http.client.HTTPResponse(Bytes(content), method="GET"))  # type: ignore[arg-type]


LINES = (
    *("Content-Length: 2", "content-length:2", "Content-Length: 2 ", "Content-Length: 1", "Content-Length: -1"),
    *("Content-Length: 2, 2", "Content-Length: \u0662", "Content-Length: 0x2", "Content-Length: +2", "Content-Length:"),
    *("Content-Length: 1_0", f"Content-Length: {'9' * 30}", f"Content-Length: {'9' * 5000}", "Content-Length : 2"),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "transfer-encoding: CHUNKED"),
    *("Connection: close", "Connection: keep-alive", "Connection: Keep-Alive, X", "Connection:"),
    *("Content-Type: application/json; charset=utf-8", "Set-Cookie: a=b", "Set-Cookie: c=d", "X:  y\t", "X:y:z"),
    *("X: \xe9", "X: a\x00b", "X: a\x0bb", " folded", "\tfolded", "no colon", ": no name", "a b: c", "X\xe9: y", ""),
    *("X: y\rZ: w", "From me", "X: a\x85b", "Content-Encoding: identity"),
)
STARTS = (
    *("HTTP/1.1 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 404 Not  Found ", "HTTP/1.1 204 No Content"),
    *("HTTP/1.1 304 Not Modified", "HTTP/1.0 200 OK", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", "HTTP/2 200 OK"),
    *(
        "HTTP/1.1 999 Odd",
        "HTTP/1.1 1000 Odd",
        "HTTP/1.1 20 Odd",
        "HTTP/1.1 200 \xc4ha",
        "ICY 200 OK",
        "http/1.1 200 OK",
    ),
)
BODIES = (b"{}", b"", b"2\r\n{}\r\n0\r\n\r\n", b"{}HTTP/1.1 200 OK\r\n\r\n")


def test_any_answer_is_read_as_http_client_reads_it() -> None:
    """Heads that are plain are not read by it, but nobody must notice, and it decides about all others."""
    dice = random.Random(10)  # noqa: S311 - it must be the same again
    heads = [[start, line] for start in STARTS for line in LINES]
    heads += [[dice.choice(STARTS), *dice.choices(LINES, k=dice.randint(2, 4))] for _ in range(1_500)]
    for head in heads:
        for end in ("\r\n", "\n"):
            content = end.join([*head, "", ""]).encode("latin-1", "replace") + dice.choice(BODIES)
            assert ours(content) == theirs(content), content


@pytest.mark.parametrize("count", [98, 99, 100, 101])
def test_as_many_lines_are_taken_as_http_client_takes(count: int) -> None:
    """And no more."""
    content = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"X: y\r\n" * (count - 1) + b"\r\n{}"
    assert ours(content) == theirs(content)


def test_answer_in_pieces_is_read_like_one_that_comes_at_once() -> None:
    """Wherever it is parted."""
    content = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    for place in range(1, len(content)):
        near, far = socket.socketpair()
        with near, far, contextlib.closing(Pieces(near, content[:place], far, content[place:])) as answer:
            assert outcome(answer) == theirs(content)


class Pieces(Answering):
    """An answer whose second piece comes once the first has been looked at."""

    def __init__(self, near: socket.socket, first: bytes, far: socket.socket, second: bytes) -> None:
        super().__init__(near, "GET", time.monotonic() + LONG_SECONDS)
        far.sendall(first)
        self.fp.peek()
        far.sendall(second)


def test_answer_that_is_over_time_is_not_waited_for() -> None:
    """Its first byte counts like any other."""
    near, far = socket.socketpair()
    with near, far, contextlib.closing(Answering(near, "GET", time.monotonic() - 1)) as answer:
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        with pytest.raises(TimeoutError):
            answer.begin()
