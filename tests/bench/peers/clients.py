"""HTTP clients, each with kept-alive connections, as `transfer` and `transfer_async` call them."""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.bench.peers.transferring import API, MISSING, TIMEOUT_SECONDS, checked, transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp
    import httpx
    import requests

    from tests.bench.peers.transferring import Call

_of_thread = threading.local()


def by_requests() -> Callable[[Call], Any]:
    """A session of `requests`."""
    import requests  # noqa: PLC0415 - a loop imports the one client that it uses

    session = requests.Session()

    def call(made: Call) -> Any:
        method, url, headers, body = made
        answer: requests.Response = session.request(method, url, headers=headers, json=body, timeout=TIMEOUT_SECONDS)
        return None if checked(answer.status_code) == MISSING else answer.json()

    return call


def by_urllib3() -> Callable[[Call], Any]:
    """A pool of urllib3."""
    import urllib3  # noqa: PLC0415 - as above

    pool = urllib3.PoolManager(timeout=TIMEOUT_SECONDS)

    def call(made: Call) -> Any:
        method, url, headers, body = made
        answer = pool.request(method, url, headers=headers, json=body)
        return None if checked(answer.status) == MISSING else answer.json()

    return call


def by_http_client() -> Callable[[Call], Any]:
    """One connection of http.client."""
    parts = urlsplit(API)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)

    def call(made: Call) -> Any:
        method, url, headers, body = made
        content = None if body is None else json.dumps(body)
        more = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, url.removeprefix(API), content, {**headers, **more})
        answer = connection.getresponse()
        text = answer.read()
        return None if checked(answer.status) == MISSING else json.loads(text)

    return call


def transfer_by_requests(customer_id: int) -> None:
    """Transfer a customer with a session for each thread, as `requests` asks for."""
    call = getattr(_of_thread, "call", None)
    if call is None:
        call = _of_thread.call = by_requests()
    transfer(call, customer_id)


def by_aiohttp(session: aiohttp.ClientSession) -> Callable[[Call], Any]:
    """A session of aiohttp."""

    async def call(made: Call) -> Any:
        method, url, headers, body = made
        async with session.request(method, url, headers=headers, json=body) as answer:
            return None if checked(answer.status) == MISSING else await answer.json()

    return call


def by_httpx(client: httpx.AsyncClient) -> Callable[[Call], Any]:
    """A client of httpx."""

    async def call(made: Call) -> Any:
        method, url, headers, body = made
        answer = await client.request(method, url, headers=headers, json=body)
        return None if checked(answer.status_code) == MISSING else answer.json()

    return call
