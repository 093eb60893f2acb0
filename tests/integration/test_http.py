"""Calls over real sockets: what a server can do to them, and what a call must never do."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.raw_server import RawServer, http, serving
from worker.embedded.ports import free_port
from worker.errors import AnswerUnreadable, HostNotFound, StampedUnreachable, SyncError
from worker.http import LONGEST_ANSWER_BYTES, Answer, Api, Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.raw_server import Answering

EMAIL = "zoe@example.com"
AUTHORIZATION = "Basic c2VjcmV0"
IMPATIENT = Timeouts(connect=0.2, read=0.2)
ENOUGH = 1_000
"""Pieces of an answer that has no end: far more than a call may wait for."""


@pytest.fixture(name="server")
def _server() -> Iterator[RawServer]:
    """The server that is called."""
    yield from serving()


@pytest.fixture(name="other")
def _other() -> Iterator[RawServer]:
    """A server that must not be called."""
    yield from serving()


def api(url: str, timeouts: Timeouts = IMPATIENT) -> Api:
    """An API that waits a fifth of a second."""
    return Api("Stamped.io", url, AUTHORIZATION, StampedUnreachable, timeouts=timeouts)


def called(server: RawServer) -> Answer:
    """The answer to a call that waits as long as it takes, with an e-mail address in its query and in its body."""
    return api(server.url, Timeouts()).call("POST", "path", query={"search": EMAIL}, body={"email": EMAIL})


def trouble(url: str) -> SyncError:
    """The error of a call, which holds nothing of the call and hides the network library's."""
    with pytest.raises(SyncError) as raised:
        api(url).call("POST", "path", query={"search": EMAIL}, body={"email": EMAIL})
    error = raised.value
    assert EMAIL.partition("@")[0] not in f"{error} {error!r}"
    assert (error.__cause__, error.__suppress_context__ or error.__context__ is None) == (None, True)
    return error


# What a call is made of ----------------------------------------------------------------------------------------------


def test_call_carries_its_authorization_query_and_body(server: RawServer) -> None:
    """And asks for JSON."""
    called(server)
    head, body = server.requests[0].decode().rsplit("\r\n", 1)
    assert head.startswith("POST /path?search=zoe%40example.com HTTP/1.1")
    assert f"Authorization: {AUTHORIZATION}" in head
    assert "Accept: application/json" in head
    assert json.loads(body) == {"email": EMAIL}


@pytest.mark.parametrize("value", ["a/b", "?x", "#x", "a b", "ü", "%2e", "\r\nX: y"])
def test_value_stays_one_part_of_the_path(server: RawServer, value: str) -> None:
    """What fills a route is quoted whole."""
    api(server.url).call("GET", "customers/{id}/link", {"id": value})
    path = server.requests[0].split()[1].decode()
    assert (path.count("/"), "?" in path, "#" in path) == (3, False, False)


def test_connection_is_kept_alive(server: RawServer) -> None:
    """Call after call goes over one connection, also behind an error answer and a gzip'd one."""
    answers = iter([http(), http(b"no", "422 No"), http(gzip.compress(b"{}"), "200 OK", "Content-Encoding: gzip")])
    server.answer = lambda _: [next(answers, http())]
    shared = api(server.url)
    for _ in range(6):
        shared.call("GET", "path")
    assert (server.connections, len(server.requests)) == (1, 6)


def test_connection_that_the_server_closed_is_made_anew(server: RawServer) -> None:
    """A kept connection that went away in the meantime is no error."""
    server.answer = lambda _: [http(b"{}", "200 OK", "Connection: close"), b""]
    shared = api(server.url)
    for _ in range(3):
        shared.call("GET", "path")
    assert server.connections == 3


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, server: RawServer, other: RawServer, name: str
) -> None:
    """A proxy that happens to be set does not get to see customers."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, other.url)
    called(server)
    assert (server.connections, other.connections) == (1, 0)


def test_netrc_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: RawServer) -> None:
    """The credentials are the connection's own."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    called(server)
    assert f"Authorization: {AUTHORIZATION}".encode() in server.requests[0]


def test_cookies_are_not_kept(server: RawServer) -> None:
    """One call leaves nothing behind for the next."""
    server.answer = lambda _: [http(b"{}", "200 OK", "Set-Cookie: session=1; Path=/")]
    shared = api(server.url)
    for _ in range(2):
        shared.call("GET", "path")
    assert b"ookie" not in server.requests[1]


# Answers that are read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b'{"id": 1}', {"id": 1}),
        (b'\xef\xbb\xbf{"id": 1}', {"id": 1}),
        (b' "143491"\n', "143491"),
        (b"null", None),
        (b"", None),
        (b" \r\n", None),
        (b"OK", "OK"),
        (b'{"id": 1', '{"id": 1'),
        (b'{"name": "Zo\xeb"}', {"name": "Zo�"}),
        (b"\xff\xfe\x00", "��\x00"),
        (b"1" * 5000, "1" * 5000),
    ],
)
def test_body_is_json_or_text_or_nothing(server: RawServer, content: bytes, body: object) -> None:
    """Whatever its bytes are, it is read; what it means is the caller's to say."""
    server.answer = lambda _: [http(content)]
    assert called(server).body == body


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deeply_nested_json_is_read_as_far_as_it_goes(server: RawServer, depth: int) -> None:
    """A body that no JSON reader takes is a text, and its words are those of any other error."""
    server.answer = lambda _: [http(b'{"error":' * depth + b"1" + b"}" * depth, "500 Error")]
    answer = called(server)
    assert isinstance(answer.body, str) is (depth > 1000)
    assert answer.message


def test_answer_without_content_has_no_body(server: RawServer) -> None:
    """A 204 is a success."""
    server.answer = lambda _: [b"HTTP/1.1 204 No Content\r\n\r\n"]
    answer = called(server)
    assert (answer.is_ok, answer.body) == (True, None)


def test_compressed_answer_is_read(server: RawServer) -> None:
    """A server may send gzip."""
    content = gzip.compress(json.dumps({"notes": "tea " * 50_000}).encode())
    server.answer = lambda _: [http(content, "200 OK", "Content-Encoding: gzip")]
    assert called(server).body == {"notes": "tea " * 50_000}


def test_chunked_answer_is_read(server: RawServer) -> None:
    """Its length need not be said beforehand."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.answer = lambda _: [head, b'5\r\n{"id"\r\n', b"4\r\n: 1}\r\n", b"0\r\n\r\n"]
    assert called(server).body == {"id": 1}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 422, 429, 500, 503])
def test_error_answer_is_an_answer(server: RawServer, status: int) -> None:
    """What a status means depends on the call; its words and headers are there for it."""
    server.answer = lambda _: [http(b'{"message": "no"}', f"{status} No", "Retry-After: 7")]
    answer = called(server)
    assert (answer.status, answer.is_ok, answer.message, answer.retry_after) == (status, False, "no", 7)


# Answers that are not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [b"<html></html>", b"\n <!DOCTYPE html>", b"<?xml version='1.0'?><a/>"])
def test_web_page_in_place_of_an_answer_is_an_error(server: RawServer, page: bytes) -> None:
    """A 200 of a proxy, or of the wrong address, is no success."""
    server.answer = lambda _: [http(page)]
    error = trouble(server.url)
    assert (type(error), error.failure.http_status) == (AnswerUnreadable, 200)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{}/other", "/path", "//[", "http://[", "\\\\", None])
def test_redirect_is_not_followed(server: RawServer, other: RawServer, status: int, location: str | None) -> None:
    """Neither to another server, which would get the credentials, nor on the same one, wherever it points."""
    headers = [f"Location: {location.format(other.url)}"] if location else []
    server.answer = lambda _: [http(b"moved", f"{status} Moved", *headers)]
    error = trouble(server.url)
    assert (type(error), error.failure.http_status) == (AnswerUnreadable, status)
    assert (len(server.requests), other.connections) == (1, 0)


def endless(head: str, piece: bytes, rest_seconds: float = 0) -> Answering:
    """An answer that goes on and on."""

    def answer(_: bytes) -> Iterator[bytes]:
        yield f"HTTP/1.1 {head}\r\n\r\n".encode()
        for each in [piece] * ENOUGH:
            yield each
            time.sleep(rest_seconds)

    return answer


@pytest.mark.parametrize("status", ["200 OK", "500 Error", "302 Found\r\nLocation: /path"])
def test_huge_answer_is_not_read_to_its_end(server: RawServer, status: str) -> None:
    """However it is meant, no more is read than an answer may have."""
    sent: list[int] = []
    pieces = endless(status, b" " * 64 * 1024)

    def counted(request: bytes) -> Iterator[bytes]:
        for piece in pieces(request):
            sent.append(len(piece))
            yield piece

    server.answer = counted
    with pytest.raises(AnswerUnreadable):
        called(server)
    assert sum(sent) < 2 * LONGEST_ANSWER_BYTES


def test_small_answer_that_unpacks_to_a_huge_one_is_not_unpacked(server: RawServer) -> None:
    """A megabyte of gzip can hold a thousand."""
    bomb = gzip.compress(b" " * 4 * LONGEST_ANSWER_BYTES)
    server.answer = lambda _: [http(bomb, "200 OK", "Content-Encoding: gzip")]
    with pytest.raises(AnswerUnreadable, match="more than 16 MB"):
        called(server)


def test_answer_in_drops_is_given_up(server: RawServer) -> None:
    """A byte now and then does not hold a thread for ever, though each comes in time."""
    server.answer = endless("200 OK", b" ", rest_seconds=0.05)
    assert trouble(server.url).failure.detail == "127.0.0.1: the answer took too long"


def hold(_: bytes) -> Iterator[bytes]:
    """Say nothing for longer than a call waits."""
    time.sleep(IMPATIENT.call)
    yield b""


REASONS: dict[str, tuple[Answering, str]] = {
    "silence": (hold, "no answer in time"),
    "silence in the body": (lambda _: [http(b"{", length=9), *hold(b"")], "no answer in time"),
    "cut without an answer": (lambda _: [b""], "the connection was refused or cut"),
    "cut in the status": (lambda _: [b"HTTP/1.1 2", b""], "the connection was refused or cut"),
    "cut in the body": (lambda _: [http(b'{"id": 1}', length=20), b""], "the connection was refused or cut"),
    "cut in a chunk": (
        lambda _: [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", b""],
        "the connection was refused or cut",
    ),
    "no HTTP": (lambda _: [b"SSH-2.0-OpenSSH_9.6\r\n", b""], "the connection was refused or cut"),
    "no gzip": (lambda _: [http(b"{}", "200 OK", "Content-Encoding: gzip")], "the answer was garbled"),
}


@pytest.mark.parametrize("case", REASONS)
def test_call_without_an_answer_is_unreachable(server: RawServer, case: str) -> None:
    """The error says what happened, in words of ours, and that it may pass."""
    server.answer, reason = REASONS[case]
    error = trouble(server.url)
    assert (type(error), error.failure.detail, error.is_transient) == (StampedUnreachable, f"127.0.0.1: {reason}", True)


def test_refused_connection_is_unreachable() -> None:
    """Nobody listens."""
    error = trouble(f"http://127.0.0.1:{free_port()}")
    assert (type(error), error.failure.detail) == (StampedUnreachable, "127.0.0.1: the connection was refused or cut")


def test_server_without_tls_is_unreachable_over_https(server: RawServer) -> None:
    """The reason names what is missing."""
    server.greeting = b"SSH-2.0-OpenSSH_9.6\r\n"
    error = trouble(server.url.replace("http:", "https:"))
    reason = "127.0.0.1: no secure connection (certificate or protocol)"
    assert (type(error), error.failure.detail) == (StampedUnreachable, reason)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid", "*.invalid"])
def test_host_that_cannot_be_resolved_has_an_error_of_its_own(host: str) -> None:
    """A misspelt address is told from an outage."""
    error = trouble(f"http://{host}")
    assert (type(error), error.failure.detail) == (HostNotFound, f"{host} cannot be resolved")
