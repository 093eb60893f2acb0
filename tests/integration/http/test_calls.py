"""Calls over real sockets: what a server can do to them, and what a call must never do."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import socket
import threading
import time
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.integration.raw_server import RawServer, http, serving
from worker.http.adapter import Pools, Timeouts
from worker.http.client import LONGEST_ANSWER_BYTES, ApiClient
from worker.jobs.calls import Api
from worker.jobs.intents import Intent, Trouble
from worker.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.raw_server import Answering
    from worker.http.answers import Answer

EMAIL = "zoe@example.com"
AUTHORIZATION = "Basic c2VjcmV0"
PATIENT = Timeouts(connect=5, read=15)
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


def api(url: str, timeouts: Timeouts = IMPATIENT) -> ApiClient:
    """An API that waits a fifth of a second."""
    return ApiClient(Api.STAMPED, url, AUTHORIZATION, pools=Pools(timeouts))


def called(server: RawServer) -> Answer:
    """The answer to a call that waits as long as it takes, with an e-mail address in its query and in its body."""
    return api(server.url, PATIENT).call("POST", "path", query={"search": EMAIL}, body={"email": EMAIL})


def trouble(url: str, timeouts: Timeouts = IMPATIENT) -> tuple[Trouble | None, str]:
    """What was wrong with a call, which is the store's and tells nothing of the call."""
    answer = api(url, timeouts).call("POST", "path", query={"search": EMAIL}, body={"email": EMAIL})
    assert answer.intent is Intent.STORES
    assert EMAIL.partition("@")[0] not in f"{answer!r} {answer.words}"
    return answer.trouble, answer.words


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


def test_stores_at_one_host_share_its_connections(server: RawServer) -> None:
    """Each call has the login of its own store, and the path."""
    pools = Pools(IMPATIENT)
    stores = [
        ApiClient(Api.STAMPED, f"{server.url}/api/v2/{name}", f"Basic {name}", pools=pools) for name in ("one", "two")
    ]
    for store in stores * 2:
        assert store.call("GET", "path").is_accepted
    assert server.connections == 1
    asked = [(request.split()[1], b"Basic one" in request, b"Basic two" in request) for request in server.requests]
    assert asked == [(b"/api/v2/one/path", True, False), (b"/api/v2/two/path", False, True)] * 2


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
    [(b'{"id": 1}', {"id": 1}), (b' "143491"\n', "143491"), (b"null", None), (b"", None), (b"OK", "OK")],
)
def test_body_is_json_or_text_or_nothing(server: RawServer, content: bytes, body: object) -> None:
    """Whatever it is, it is read; what it means is the caller's to say."""
    server.answer = lambda _: [http(content)]
    assert called(server).body == body


def test_charset_of_the_answer_is_honoured(server: RawServer) -> None:
    """José stays José, whatever charset the answer says it has."""
    content = '{"name": "José"}'.encode("latin-1")
    server.answer = lambda _: [http(content, "200 OK", "Content-Type: application/json; charset=ISO-8859-1")]
    assert called(server).body == {"name": "José"}


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deeply_nested_json_is_read_as_far_as_it_goes(server: RawServer, depth: int) -> None:
    """A body that no JSON reader takes is unreadable, and the words of any other are found."""
    server.answer = lambda _: [http(b'{"error":' * depth + b"1" + b"}" * depth, "500 Error")]
    answer = called(server)
    assert answer.trouble is (Trouble.UNREADABLE if depth > 1000 else Trouble.UNAVAILABLE)
    assert answer.words


def test_answer_without_content_has_no_body(server: RawServer) -> None:
    """A 204 is a success."""
    server.answer = lambda _: [b"HTTP/1.1 204 No Content\r\n\r\n"]
    answer = called(server)
    assert (answer.is_accepted, answer.body) == (True, None)


def test_compressed_answer_is_read(server: RawServer) -> None:
    """A server may send gzip."""
    content = gzip.compress(json.dumps({"notes": "tea " * 50_000}).encode())
    server.answer = lambda _: [http(content, "200 OK", "Content-Encoding: gzip")]
    assert called(server).body == {"notes": "tea " * 50_000}


@pytest.mark.parametrize("length", [1, 5, 10, 17])
def test_compressed_answer_that_is_cut_in_its_head_is_no_empty_success(server: RawServer, length: int) -> None:
    """Its length says that this is all."""
    content = gzip.compress(b'{"success": false}')[:length]
    server.answer = lambda _: [http(content, "200 OK", "Content-Encoding: gzip")]
    assert called(server).intent is Intent.STORES


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["nothing", "nothing, compressed"])
def test_compressed_answer_may_be_empty(server: RawServer, content: bytes) -> None:
    """Some servers name the encoding of nothing."""
    server.answer = lambda _: [http(content, "200 OK", "Content-Encoding: gzip")]
    assert called(server).is_accepted


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
    assert (answer.status, answer.is_accepted, answer.words, answer.retry_after) == (status, False, "no", 7)


# Answers that are not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [b"<html></html>", b"\n <!DOCTYPE html>", b"<?xml version='1.0'?><a/>"])
def test_web_page_in_place_of_an_answer_is_none(server: RawServer, page: bytes) -> None:
    """A 200 of a proxy, or of the wrong address, is no success."""
    server.answer = lambda _: [http(page)]
    assert trouble(server.url, PATIENT) == (Trouble.UNREADABLE, "a web page")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{}/other", "/path", "//[", "http://[", "\\\\", None])
def test_redirect_is_not_followed(server: RawServer, other: RawServer, status: int, location: str | None) -> None:
    """Neither to another server, which would get the credentials, nor on the same one, wherever it points."""
    headers = [f"Location: {location.format(other.url)}"] if location else []
    server.answer = lambda _: [http(b"moved", f"{status} Moved", *headers)]
    assert trouble(server.url, PATIENT) == (Trouble.UNREADABLE, "redirects to another address")
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
    assert called(server).trouble is Trouble.UNREADABLE
    assert sum(sent) < 2 * LONGEST_ANSWER_BYTES


def test_small_answer_that_unpacks_to_a_huge_one_is_not_unpacked(server: RawServer) -> None:
    """A megabyte of gzip can hold a thousand."""
    bomb = gzip.compress(b" " * 4 * LONGEST_ANSWER_BYTES)
    server.answer = lambda _: [http(bomb, "200 OK", "Content-Encoding: gzip")]
    assert called(server).words == "127.0.0.1 answered more than 16 MB"


@pytest.mark.parametrize("head", ["200 OK", "200 OK\r\nX-Drop: "])
def test_answer_in_drops_is_given_up(server: RawServer, head: str) -> None:
    """A byte now and then does not hold a thread for ever, in the body or in the head, though each comes in time."""

    def drops(_: bytes) -> Iterator[bytes]:
        yield f"HTTP/1.1 {head}".encode() + (b"\r\n\r\n" if ":" not in head else b"")
        for _piece in range(ENOUGH):
            yield b"x"
            time.sleep(0.05)

    server.answer = drops
    assert trouble(server.url) == (Trouble.SILENT, "127.0.0.1: no answer in time")


def test_compressed_nothing_in_drops_is_given_up(server: RawServer) -> None:
    """Bytes that unpack to nothing are no progress."""
    packed = zlib.compressobj(wbits=31)

    def drops(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
        for _piece in range(ENOUGH):
            yield packed.compress(b"") + packed.flush(zlib.Z_SYNC_FLUSH)
            time.sleep(0.05)

    server.answer = drops
    assert trouble(server.url)[0] is Trouble.SILENT


@pytest.mark.parametrize(
    "head", ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 204 No Content\r\nA: b\r\n"]
)
def test_answer_that_is_cut_in_its_head_is_no_empty_success(server: RawServer, head: str) -> None:
    """What the library takes for the end of the head is the end of the connection."""
    server.answer = lambda _: [head.encode(), b""]
    assert trouble(server.url, PATIENT) == (Trouble.SILENT, "127.0.0.1: the connection was refused or cut")


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
def test_call_without_an_answer_is_silent(server: RawServer, case: str) -> None:
    """The words are ours, and say what happened."""
    server.answer, reason = REASONS[case]
    assert trouble(server.url) == (Trouble.SILENT, f"127.0.0.1: {reason}")


def test_refused_connection_is_silent() -> None:
    """Nobody listens."""
    expected = (Trouble.SILENT, "127.0.0.1: the connection was refused or cut")
    assert trouble(f"http://127.0.0.1:{free_port()}", PATIENT) == expected


def test_server_without_tls_is_silent_over_https(server: RawServer) -> None:
    """The reason names what is missing."""
    server.greeting = b"SSH-2.0-OpenSSH_9.6\r\n"
    expected = (Trouble.SILENT, "127.0.0.1: no secure connection (certificate or protocol)")
    assert trouble(server.url.replace("http:", "https:"), PATIENT) == expected


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid", "*.invalid"])
def test_host_that_cannot_be_resolved_is_told_apart(host: str) -> None:
    """A misspelt address is no outage."""
    assert trouble(f"http://{host}") == (Trouble.UNRESOLVED, f"{host} cannot be resolved")


# Whatever comes over the wire ----------------------------------------------------------------------------------------

PIECES = (
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"200", b"\r\n", b"\r\n\r\n", b": x\r\n", b"\x00", b"\xf0\x9f\x98\x80"),
    *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n"),
    *(b"Content-Length: 99999999999999999999999\r\n", b"Content-Length: 1_0\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: br, zstd, deflate\r\n", b"Connection: close\r\n"),
    *(b"Set-Cookie: a=b; expires=Thu, 99 Foo\r\n", b"Set-Cookie: \xff\r\n", b"Location: //[\r\n"),
    *(b"Content-Type: application/json; charset=\xff\r\n", b"Retry-After: 99999999999999999999\r\n"),
    *(b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b'{"a":1}', b"A" * 70_000, b"X: y\r\n" * 120, b"HTTP/2 200\r\n"),
    *(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 99999 OK\r\n", b"HTTP/1.1 204 No\r\n\r\n", b"1e5\r\n"),
)
STATUSES = (200, 201, 202, 204, 304, 302, 404, 500, 429, 100)


def noise(dice: random.Random) -> bytes:
    """Something like an answer."""
    pieces = b"".join(dice.choices(PIECES, k=dice.randint(0, 8)))
    head = f"HTTP/1.1 {dice.choice(STATUSES)} X\r\n".encode() if dice.random() < 2 / 3 else b""
    return head + pieces + (b"\r\n" if dice.random() < 1 / 2 else b"") + dice.choice(PIECES)


def test_no_bytes_do_anything_but_mean_something(server: RawServer) -> None:
    """Not even in the seams between the libraries: no call raises, and none leaves a connection that harms the next."""
    dice = random.Random(7)  # noqa: S311 - it must be the same again
    shared = api(server.url)
    for _ in range(300):
        content = noise(dice)
        server.answer = lambda _, content=content: [content, b""]  # type: ignore[misc]
        answer = shared.call("POST", "path", body={})
        assert answer.intent is not Intent.OURS
    server.answer = lambda _: [http(b'{"id": 1}')]
    assert shared.call("POST", "path", body={}).body == {"id": 1}


# Connecting has one bound --------------------------------------------------------------------------------------------


@pytest.fixture(name="dead")
def _dead() -> Iterator[tuple[str, int]]:
    """An address where nobody ever answers: its queue is full."""
    with socket.socket() as listening, contextlib.ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()


def addresses(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, int]) -> None:
    """Let every name have these addresses."""
    each = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in found]

    def resolve(*_: object, flags: int = 0, **__: object) -> list[object]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror
        return [*each]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_many_dead_addresses_share_the_time_of_one(monkeypatch: pytest.MonkeyPatch, dead: tuple[str, int]) -> None:
    """Four of them take no longer than one: a lease covers a call."""
    timeouts: list[float] = []
    connect = socket.socket.connect

    def noted(self: socket.socket, address: tuple[str, int]) -> None:
        timeouts.append(self.gettimeout() or 0)
        connect(self, address)

    addresses(monkeypatch, *[dead] * 4)
    monkeypatch.setattr(socket.socket, "connect", noted)
    assert trouble("http://four.example") == (Trouble.SILENT, "four.example: no connection in time")
    assert len(timeouts) == 4
    assert sum(timeouts) <= 1.1 * IMPATIENT.connect


def test_living_address_behind_dead_ones_is_reached(
    monkeypatch: pytest.MonkeyPatch, server: RawServer, dead: tuple[str, int]
) -> None:
    """Each gets its share of the time."""
    living = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    addresses(monkeypatch, dead, dead, living)
    assert api("http://three.example", Timeouts(connect=0.6, read=5)).call("GET", "path").is_accepted


def test_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can interrupt it; the call goes on without."""
    released = threading.Event()

    def resolve(*_: object, flags: int = 0, **__: object) -> list[object]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror
        released.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert trouble("http://slow.example") == (Trouble.UNRESOLVED, "slow.example cannot be resolved")
    released.set()


def test_call_is_bounded_by_connecting_and_reading() -> None:
    """What a lease must cover."""
    assert Timeouts(connect=5, read=15).call == 20
