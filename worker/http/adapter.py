"""The adapter of `requests` for one API, and the pools under it: each call has one time limit, and costs little CPU.

What `requests` and urllib3 look up or copy for each call is known here once. Pools, TLS, the look whether a kept
connection still lives, and what each error means are theirs.

A process has one pool of connections for each scheme, host and port, for all stores: the login is in each request, so a
thousand stores that are called at one host need no more connections than there are threads, and no TLS handshake of
their own (decision 14).
"""

from __future__ import annotations

import socket
import sys
import time
from dataclasses import dataclass
from typing import Any, Final, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter

from worker.http.connecting import connected
from worker.http.wire import Answering, head_of, wait_at_most

SPARE_SECONDS: Final = 0.01
"""How much sooner than its time limit the first wait for an answer ends, so that sending needs no limit of its own."""


MOST_THREADS: Final = 1000
"""As many as a worker can be given (`STAMPED_SYNC_CONCURRENCY`)."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds for all of connecting, and seconds from sending a request to the last byte of its answer."""

    connect: float
    read: float

    @property
    def call(self) -> float:
        """The time limit of one call, in seconds."""
        return self.connect + self.read


class Pools(urllib3.PoolManager):
    """A process's kept connections to all hosts, which keep to their time limits."""

    def __init__(self, timeouts: Timeouts) -> None:
        """Keep the connections to each host alive: as many as threads have called it at once."""
        self.timeouts = timeouts
        super().__init__(sys.maxsize, maxsize=MOST_THREADS)  # a pool that made room for another would be closed
        pools: dict[str, Any] = {"http": urllib3.HTTPConnectionPool, "https": urllib3.HTTPSConnectionPool}
        self.pool_classes_by_scheme = {
            scheme: type("BoundedPool", (pool,), {"ConnectionCls": _bounded(pool.ConnectionCls, timeouts)})
            for scheme, pool in pools.items()
        }


class BoundedAdapter(HTTPAdapter):
    """Sends the requests of one API over connections that keep to its time limits."""

    def __init__(self, base_url: str, pools: Pools) -> None:
        """Raises RequestException if the URL leads nowhere."""
        self._pools = pools
        like = requests.Request("GET", base_url).prepare()
        self._base = like.path_url.rstrip("/")
        super().__init__()
        self._pool = super().get_connection_with_tls_context(like, verify=True)
        super().cert_verify(self._pool, like.url, verify=True, cert=None)  # type: ignore[no-untyped-call]
        self._timeout: Any = urllib3.Timeout(pools.timeouts.connect, pools.timeouts.read)

    def exchange(self, request: requests.PreparedRequest) -> urllib3.HTTPResponse:
        """Send a request and read the head of its answer. Raises what `requests` and urllib3 raise."""
        return cast("urllib3.HTTPResponse", self.send(request, timeout=self._timeout))

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        """The pool of the API, whose certificate is always verified."""
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Do nothing: the pool was told once."""

    def request_url(self, request: requests.PreparedRequest, *_: Any) -> str:
        """What to ask the host for: `ApiClient` puts into a request's URL only what follows the base."""
        return f"{self._base}/{request.url}"

    def build_response(self, _: requests.PreparedRequest, answer: Any) -> Any:
        """The answer of urllib3 as it is: nobody needs the cookies and copies of a Response."""
        return answer

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        """Use the pools of the process."""
        self.poolmanager = self._pools


def _bounded(base: Any, timeouts: Timeouts) -> Any:
    """A class of connections with these time limits."""
    connect, read = timeouts.connect, timeouts.read
    wait = max(read - SPARE_SECONDS, read / 2)

    class Bounded(base):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            try:
                return connected(self._dns_host, self.port, time.monotonic() + connect, self.socket_options)
            except socket.gaierror as error:
                raise urllib3.exceptions.NameResolutionError(self.host, self, error) from error
            except TimeoutError as error:
                raise urllib3.exceptions.ConnectTimeoutError(self, "no connection in time") from error
            except OSError as error:
                raise urllib3.exceptions.NewConnectionError(self, "no connection") from error

        def request(self, method: str, url: str, body: bytes | None = None, headers: Any = None, **_: Any) -> None:
            # Connect before the clock starts: connecting has its own limit, and must not shorten the answer's.
            if self.sock is None:
                self.connect()
            self._asked = method, time.monotonic() + read
            wait_at_most(self.sock, wait)
            port = None if self.port == self.default_port else self.port
            self.sock.sendall(head_of(method, url, self.host, port, headers) + (body or b""))

        def getresponse(self) -> urllib3.HTTPResponse:
            answer = Answering(self.sock, *self._asked)
            try:
                answer.begin()
            except BaseException:
                answer.close()
                raise
            if answer.will_close:
                self.close()  # the answer keeps the socket until it is read
            return answer.as_urllib3()

    return Bounded
