"""Connects within one time limit, which covers the name's resolution and all addresses of the host.

`requests` and urllib3 limit each address separately, and the resolver not at all.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, Final

import requests
import urllib3

from worker.jobs.intents import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    Addresses = Sequence[tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]]

TOO_LATE: Final = "the whole call took too long"
REASONS: Final = (
    ((requests.ConnectTimeout,), "no connection in time"),
    ((requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError), "no answer in time"),
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError), "no secure connection (certificate or protocol)"),
    ((requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError), "the answer was garbled"),
)
"""Why no answer came, by what `requests` and urllib3 raise; the first match counts."""


class CutHead(http.client.HTTPException):
    """The connection ended within the headers of an answer."""


def connected(host: str, port: int, until: float, options: Any) -> socket.socket:
    """A connection to the first address that accepts one; each gets a fair share of the time. Raises OSError."""
    addresses = _resolved(host.strip("[]"), port, until)
    failure: OSError = TimeoutError(TOO_LATE)
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (until - time.monotonic()) / (len(addresses) - index)
        if share <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            _connect(sock, address, share, options)
        except OSError as error:
            sock.close()
            failure = error
        else:
            sock.settimeout(max(until - time.monotonic(), 0.001))  # the time left for the TLS handshake
            return sock
    raise failure


def _connect(sock: socket.socket, address: Any, seconds: float, options: Any) -> None:
    for option in options or ():
        sock.setsockopt(*option)
    sock.settimeout(seconds)
    sock.connect(address)


def _resolved(host: str, port: int, until: float) -> Addresses:
    """The addresses of a host. The resolver runs in a thread, because nothing can interrupt it. Raises OSError."""
    with contextlib.suppress(OSError, UnicodeError):  # an address in numbers needs no resolver
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    found: Future[Addresses] = Future()
    threading.Thread(target=_resolve, args=[host, port, found], name="resolver", daemon=True).start()
    wait([found], max(until - time.monotonic(), 0))
    if not found.done():
        raise socket.gaierror(socket.EAI_AGAIN, "no answer in time")
    return found.result()


def _resolve(host: str, port: int, found: Future[Addresses]) -> None:
    """Put the addresses of a host into `found`, or the OSError that it raises."""
    try:
        found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        found.set_exception(error)
    except UnicodeError:
        found.set_exception(socket.gaierror(socket.EAI_NONAME, "no host name"))


def why_no_answer(error: Exception) -> tuple[Trouble, str]:
    """What is wrong if a call ended in this error, and the words for it, which follow the host's name."""
    cause = error.args[0] if error.args else None
    is_unresolved = isinstance(error, requests.exceptions.InvalidURL | urllib3.exceptions.LocationValueError)
    if is_unresolved or isinstance(getattr(cause, "reason", None), urllib3.exceptions.NameResolutionError):
        return Trouble.UNRESOLVED, " cannot be resolved"
    known = (words for kinds, words in REASONS if isinstance(error, kinds))
    return Trouble.SILENT, f": {next(known, 'the connection was refused or cut')}"
