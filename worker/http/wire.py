"""Bytes on the wire: the head of a request, and the head of its answer within one time limit."""

from __future__ import annotations

import http.client
import io
import math
import re
import socket
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import urllib3
from urllib3 import HTTPHeaderDict

from worker.http.connecting import TOO_LATE, CutHead

if TYPE_CHECKING:
    from collections.abc import Mapping

SENT_ALWAYS: Final = (
    "Accept-Encoding: identity",
    f"User-Agent: python-urllib3/{urllib3.__version__}",  # type: ignore[attr-defined]
)
BREAKING: Final = re.compile(r"[\x00-\x1f\x7f]")
"""What would end a line of a request's head, or make it mean something else."""
ORDINARY: Final = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) ([ -~]*+)\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~]*+\r\n){1,99}+)\r\n"
)
"""A whole head of an answer, in plain characters and no more lines than `http.client` takes."""
LENGTH: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
KEEP_ALIVE: Final = "keep-alive"
HTTP_1_1: Final = 11
"""The name of this version in `http.client`."""
MOST_INTERIM: Final = 10
"""How many answers that only say that another one follows are read before it."""
WITHOUT_BODY: Final = frozenset({204, 304})


def head_of(method: str, target: str, host: str, port: int | None, fields: Mapping[str, str]) -> bytes:
    """The head of a request, as `http.client` writes it. Raises ValueError for what is no text of one line."""
    named = f"[{host.partition('%')[0]}]" if ":" in host else host
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {named}" if port is None else f"Host: {named}:{port}",
        *SENT_ALWAYS,
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    if any(map(BREAKING.search, lines)):
        raise ValueError("a line of a request's head holds a control character")
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def wait_at_most(sock: socket.socket, seconds: float) -> None:
    """Set a socket's time limit, if it has another one: that lets another thread have its turn."""
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


class _Bytes(socket.SocketIO):
    """The bytes of one answer, as long as they come in time."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        super().__init__(sock, "r")
        sock._io_refs += 1  # type: ignore[attr-defined] # noqa: SLF001 - who still reads, as its own `makefile` counts
        self._until = until
        self.has_ended = False

    def makefile(self, _: str) -> io.BufferedReader:
        """What `http.client` reads an answer from."""
        return io.BufferedReader(self)

    def readinto(self, buffer: Any) -> int | None:
        """Wait for more bytes while there is time left. Raises TimeoutError."""
        sock: socket.socket = self._sock  # type: ignore[attr-defined] # of socket.SocketIO
        remaining = self._until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError(TOO_LATE)
        wait_at_most(sock, min(remaining, sock.gettimeout() or math.inf))
        count = super().readinto(buffer)
        self.has_ended = count == 0
        return count


class Answering(http.client.HTTPResponse):
    """An answer that must be complete, and in time."""

    fields: HTTPHeaderDict
    """Its headers."""

    def __init__(self, sock: socket.socket, method: str, until: float) -> None:
        """`until`, by the monotonic clock, is when all of it must have come."""
        self._bytes = _Bytes(sock, until)
        super().__init__(self._bytes, method=method)  # type: ignore[arg-type] # all it asks for is `makefile`

    def begin(self) -> None:
        """Read the head. Raises CutHead, and what `http.client` raises."""
        # `http.client` has a mail parser read each head, which costs more than all else that a call does. So it only
        # gets those heads that leave any doubt, and decides about them.
        if not self._begin_ordinary(ORDINARY.match(self.fp.peek())):
            self._begin_doubtful()

    def as_urllib3(self) -> urllib3.HTTPResponse:
        """The answer for urllib3, which reads the body. Raises InvalidHeader for two lengths."""
        return urllib3.HTTPResponse(
            self,
            self.fields,
            self.status,
            self.version,
            reason=self.reason,
            preload_content=False,
            original_response=self,
            request_method=self._method,  # type: ignore[attr-defined] # of http.client.HTTPResponse
        )

    def _begin_ordinary(self, head: re.Match[bytes] | None) -> bool:
        """Read a head that has come whole and says plainly where its answer ends; False if it is not like that."""
        fields = _fields_in(head[3].decode()) if head else HTTPHeaderDict()
        ends = _end_in(fields)
        if not head or not ends or int(head[1]) in WITHOUT_BODY:
            return False
        self.fp.read(head.end())
        self.status, self.reason, self.version = int(head[1]), head[2].decode().strip(), HTTP_1_1
        self.fields, self.will_close = fields, False
        self.length, self.chunked, self.chunk_left = ends.length, ends.is_chunked, None
        return True

    def _begin_doubtful(self) -> None:
        for _ in range(MOST_INTERIM):
            self.headers = self.msg = None  # type: ignore[assignment] # or `http.client` reads no further head
            # No byte is read ahead, so the connection's end cannot show here if all of the headers have come.
            super().begin()
            # `http.client` takes the end of the connection for the end of the headers, and would read a truncated
            # answer as an empty success.
            if self._bytes.has_ended:
                raise CutHead
            if self.status >= http.HTTPStatus.OK or self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                break
        if self.status < http.HTTPStatus.OK:
            raise http.client.BadStatusLine(str(self.status))
        self.fields = HTTPHeaderDict((name, _unfolded(value)) for name, value in self.msg.items())


class _End(NamedTuple):
    """Where an answer ends: after so many bytes, or with its last chunk."""

    length: int | None
    is_chunked: bool = False


def _fields_in(lines: str) -> HTTPHeaderDict:
    fields = HTTPHeaderDict()
    for line in lines.splitlines():
        name, _, value = line.partition(":")
        fields.add(name, value.strip())
    return fields


def _end_in(fields: HTTPHeaderDict) -> _End | None:
    """Where an answer on a connection that is kept alive ends; None if there is any doubt, as two lengths leave it."""
    length, transfer = fields.get("Content-Length"), fields.get("Transfer-Encoding")
    if fields.get("Connection", KEEP_ALIVE).lower() != KEEP_ALIVE:
        return None
    if length is None:
        return _End(None, is_chunked=True) if transfer == "chunked" else None
    return _End(int(length)) if transfer is None and LENGTH.fullmatch(length) else None


def _unfolded(value: str) -> str:
    """A value on one line: it may have come on several."""
    return " ".join(line.strip() for line in value.splitlines())
