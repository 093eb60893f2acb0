"""The sandbox over HTTP: one tornado server on the loopback address, in a thread of its own or in the foreground.

Calls go to a plain callback and not through tornado's routes and handlers, because benchmarks need a fast sandbox.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from http.client import responses
from typing import TYPE_CHECKING, Self, cast

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.iostream import StreamClosedError

from worker.sandbox.control import PREFIX, Control
from worker.sandbox.messages import Answer, Request
from worker.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from tornado.http1connection import HTTP1Connection

__all__ = ["RunningSandbox", "Sandbox", "serve", "serve_forever"]

HOST = "127.0.0.1"
PADDING = b" " * 64 * 1024
BACKLOG = 512
NO_CONTENT = frozenset({204, 304})


def serve(sandbox: Sandbox, port: int = 0) -> RunningSandbox:
    """Serve a sandbox from a thread of its own; port 0 is any free one. Raises OSError if the port is taken."""
    return RunningSandbox(sandbox, _listening(port))


def serve_forever(sandbox: Sandbox, port: int, ready: Callable[[str], None]) -> None:
    """Serve a sandbox until SIGINT or SIGTERM; `ready` gets its address. Raises OSError if the port is taken."""
    asyncio.run(_serve_until_signalled(sandbox, _listening(port), ready))


class RunningSandbox:
    """A sandbox that is being served; a context manager that closes it at the end."""

    def __init__(self, sandbox: Sandbox, listening: socket.socket) -> None:
        self.sandbox = sandbox
        self.url = _url(listening)
        sandbox.serve_at(self.url)
        self._listening = listening
        self._is_running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="sandbox", daemon=True)
        self._thread.start()
        self._is_running.wait()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await _serve_until(self._stop, self.sandbox, self._listening, self._is_running.set)

    def close(self) -> None:
        """Close the port and every connection; an answer that is still delayed is never sent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _serve_until_signalled(sandbox: Sandbox, listening: socket.socket, ready: Callable[[str], None]) -> None:
    sandbox.serve_at(_url(listening))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await _serve_until(stop, sandbox, listening, lambda: ready(_url(listening)))


async def _serve_until(
    stop: asyncio.Event, sandbox: Sandbox, listening: socket.socket, ready: Callable[[], None]
) -> None:
    server = HTTPServer(_Doorway(sandbox))
    server.add_socket(listening)
    ready()
    await stop.wait()
    server.stop()
    await server.close_all_connections()


class _Doorway:
    """Reads each call and sends its answer."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._control = Control(sandbox)
        self._under_way: set[asyncio.Task[None]] = set()

    def __call__(self, received: HTTPServerRequest) -> None:
        request = _request(received)
        is_control = request.path.startswith(PREFIX)
        answer = self._control.answer(request) if is_control else self._sandbox.answer(request)
        connection = cast("HTTP1Connection", received.connection)
        if answer.delay_seconds or answer.padding_bytes:
            self._send_slowly(connection, answer)
        else:
            _send(connection, answer)

    def _send_slowly(self, connection: HTTP1Connection, answer: Answer) -> None:
        # The event loop itself holds only a weak reference to a task.
        task = asyncio.get_running_loop().create_task(_send_in_time(connection, answer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


def _request(received: HTTPServerRequest) -> Request:
    return Request(
        method=received.method or "",
        path=received.path,
        query={name: values[-1].decode("utf-8", "replace") for name, values in received.query_arguments.items()},
        authorization=received.headers.get("Authorization", ""),
        body=received.body,
    )


def _send(connection: HTTP1Connection, answer: Answer) -> None:
    if answer.is_cut:
        connection.close()
        return
    content = b"" if answer.status in NO_CONTENT else answer.content
    headers = HTTPHeaders(answer.all_headers)
    if answer.status not in NO_CONTENT:
        headers["Content-Length"] = str(len(content))
    connection.write_headers(_start_line(answer), headers, content)
    connection.finish()


async def _send_in_time(connection: HTTP1Connection, answer: Answer) -> None:
    await asyncio.sleep(answer.delay_seconds)
    if answer.padding_bytes and not answer.is_cut:
        await _send_padded(connection, answer)
    else:
        _send(connection, answer)


async def _send_padded(connection: HTTP1Connection, answer: Answer) -> None:
    """Stream the answer without a Content-Length; the client may hang up at any time."""
    try:
        await connection.write_headers(_start_line(answer), HTTPHeaders(answer.all_headers), answer.content)
        for _ in range(0, answer.padding_bytes, len(PADDING)):
            await connection.write(PADDING)
        connection.finish()
    except StreamClosedError:
        return


def _start_line(answer: Answer) -> ResponseStartLine:
    return ResponseStartLine("HTTP/1.1", answer.status, responses.get(answer.status, "Unknown"))


def _listening(port: int) -> socket.socket:
    listening = socket.create_server((HOST, port), backlog=BACKLOG)
    listening.settimeout(0)
    return listening


def _url(listening: socket.socket) -> str:
    return f"http://{HOST}:{listening.getsockname()[1]}"
