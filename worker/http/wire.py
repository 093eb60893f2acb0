"""Connections on which a whole call has one bound, whatever happens on the way.

`requests` and urllib3 bound each wait for a byte, and each address of a host by itself. Here all of connecting has one
bound (the resolution of the name, every address, the handshake), and so has all of an answer, head and body, from the
moment that the request is sent; so a lease that covers the two covers any call.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import io
import socket
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import urllib3
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Addresses = Sequence[tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]]

TOO_LATE: Final = "the whole call took too long"


class CutHead(http.client.HTTPException):
    """The connection ended within the head of an answer."""


class _Bytes(socket.SocketIO):
    """The bytes of one answer, up to a moment."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        super().__init__(sock, "r")
        self._until = until

    def readinto(self, buffer: Any) -> int | None:
        """Wait for more bytes, as long as there is time. Raises TimeoutError."""
        remaining = self._until - time.monotonic()
        if remaining <= 0:
            raise TimeoutError(TOO_LATE)
        self._sock.settimeout(remaining)  # type: ignore[attr-defined] # of socket.SocketIO
        return super().readinto(buffer)


class _Reader(io.BufferedReader):
    """Reads an answer, and notes where a line of it ends before its time.

    `http.client` takes the end of a connection for the end of the head: of a cut answer it would make an empty success.
    """

    is_cut = False

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line."""
        line = super().readline(size)
        self.is_cut = self.is_cut or not line.endswith(b"\n")
        return line


class _Bounds:
    """A socket, as far as an answer needs one: what reads from it."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def makefile(self, _: str) -> _Reader:
        """The answer's reader; the socket counts who still reads, as its own `makefile` does."""
        self._sock._io_refs += 1  # type: ignore[attr-defined] # noqa: SLF001
        return _Reader(_Bytes(self._sock, self._until))


class _Response(http.client.HTTPResponse):
    """An answer that is there in time, and whole."""

    def __init__(self, sock: socket.socket, *args: Any, until: float, **options: Any) -> None:
        super().__init__(_Bounds(sock, until), *args, **options)  # type: ignore[arg-type]

    def begin(self) -> None:
        """Read the head. Raises CutHead."""
        super().begin()
        if isinstance(self.fp, _Reader) and self.fp.is_cut:
            raise CutHead


def _bounded(base: Any, connect: float, read: float) -> Any:
    """A kind of connection with these bounds in seconds."""

    class Bounded(base):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            self.until = time.monotonic() + connect
            try:
                return _connected(self._dns_host, self.port, self.until, self.socket_options)
            except socket.gaierror as error:
                raise urllib3.exceptions.NameResolutionError(self.host, self, error) from error
            except TimeoutError as error:
                raise urllib3.exceptions.ConnectTimeoutError(self, "no connection in time") from error
            except OSError as error:
                raise urllib3.exceptions.NewConnectionError(self, "no connection") from error

        def request(self, *args: Any, **options: Any) -> None:
            if self.sock is None:
                self.connect()
            until = time.monotonic() + read
            self.timeout = read
            self.response_class = functools.partial(_Response, until=until)
            super().request(*args, **options)

    return Bounded


def _connected(host: str, port: int, until: float, options: Any) -> socket.socket:
    """A connection to the first address that takes one. Raises OSError."""
    addresses = _resolved(host.strip("[]"), port, until)
    failure: OSError = TimeoutError(TOO_LATE)
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (until - time.monotonic()) / (len(addresses) - index)
        if share <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options or ():
                sock.setsockopt(*option)
            sock.settimeout(share)
            sock.connect(address)
            sock.settimeout(max(until - time.monotonic(), 0.001))  # what is left for the handshake
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _resolved(host: str, port: int, until: float) -> Addresses:
    """The addresses of a host. Nothing can interrupt a resolver, so it is waited for from outside. Raises OSError."""
    with contextlib.suppress(OSError, UnicodeError):  # an address in numbers needs no resolver
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    found: SimpleQueue[Callable[[], Addresses]] = SimpleQueue()

    def resolve() -> None:
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            found.put(functools.partial(_raise, error))
        else:
            found.put(lambda: addresses)

    threading.Thread(target=resolve, name="resolver", daemon=True).start()
    try:
        return found.get(timeout=max(until - time.monotonic(), 0))()
    except Empty:
        raise socket.gaierror(socket.EAI_AGAIN, "no answer in time") from None


def _raise(error: Exception) -> Addresses:
    raise error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, "no host name")


class BoundedAdapter(HTTPAdapter):
    """`requests`' adapter, on such connections."""

    def __init__(self, connect: float, read: float, connections: int) -> None:
        """`connect` and `read` are in seconds; so many connections are kept alive."""
        self._bounds = connect, read
        super().__init__(pool_connections=1, pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, **options)
        pools: dict[str, Any] = {"http": urllib3.HTTPConnectionPool, "https": urllib3.HTTPSConnectionPool}
        self.poolmanager.pool_classes_by_scheme = {
            scheme: type("BoundedPool", (pool,), {"ConnectionCls": _bounded(pool.ConnectionCls, *self._bounds)})
            for scheme, pool in pools.items()
        }
