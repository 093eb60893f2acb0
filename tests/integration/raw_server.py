"""A server of bare bytes, for what no proper server does to a call."""

from __future__ import annotations

import socketserver
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Answering = Callable[[bytes], Iterable[bytes]]
    """Answers a request with pieces of bytes."""


def http(body: bytes = b'{"id": 1}', status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """An HTTP answer; `length` is what it says of the body's."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class RawServer(socketserver.ThreadingTCPServer):
    """Puts bytes on the wire, and notes connections and requests.

    An empty piece closes the connection. A greeting is sent before anything is asked.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.answer: Answering = lambda _: [http()]
        self.greeting = b""
        self.connections = 0
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Connection(socketserver.StreamRequestHandler):
    """One connection to the raw server."""

    server: RawServer

    def handle(self) -> None:
        """Answer request after request."""
        self.server.connections += 1
        with suppress(OSError):
            self.wfile.write(self.server.greeting)
            while request := self._request():
                self.server.requests.append(request)
                for piece in self.server.answer(request):
                    if not piece:
                        return
                    self.wfile.write(piece)

    def _request(self) -> bytes:
        head = b""
        while (line := self.rfile.readline()) not in {b"", b"\r\n"}:
            head += line
        lengths = [line.split(b":")[1] for line in head.splitlines() if line.lower().startswith(b"content-length:")]
        return head + self.rfile.read(int(lengths[0])) if lengths else head


def serving() -> Iterator[RawServer]:
    """A raw server in a thread of its own."""
    with RawServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
