"""Runs the front door: until a signal, after which what was begun is answered."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from worker.config.settings import Settings, load_settings
from worker.ledger.proving.proof import refuse_unfit
from worker.listen.door import Door
from worker.listen.front_door import application
from worker.listen.senders import Senders
from worker.reloading import Reloader
from worker.runtime import Runtime
from worker.telemetry import logs
from worker.telemetry.sentry import start_sentry

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

ROLE: Final = "listen"
TORNADOS_LOG: Final = "tornado.general"
BACKLOG: Final = 512
OTHER_BODIES_BYTES: Final = 64 * 1024
"""How long the body of anything but a trigger may be; nobody reads it."""
BODY_SECONDS: Final = 30.0
"""How long a body may take to arrive."""
IDLE_SECONDS: Final = 300.0
"""How long a connection may be kept without a request, or take for the headers of one."""
GRACE_SECONDS: Final = 15.0
"""How long requests that have begun may take after a signal."""


class Home:
    """What the process runs by."""

    @cached_property
    def settings(self) -> Settings:
        """The settings, read at first use. Raises ConfigurationError."""
        return load_settings()

    @cached_property
    def runtime(self) -> Runtime:
        """The configuration and the ledger, built at first use. Raises ConfigurationError."""
        return Runtime.build(self.settings)

    def take(self, runtime: Runtime) -> None:
        """Run by another configuration from now on."""
        self.runtime = runtime


def listening(host: str, port: int) -> list[socket.socket]:
    """The sockets of an address, port 0 for any free one. Raises OSError."""
    return bind_sockets(port, host, backlog=BACKLOG)


def run(sockets: Sequence[socket.socket], home: Home, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigurationError before it does."""
    senders = Senders(home.settings)
    _ = home.runtime
    logs.configure(home.settings.log_format, home.settings.log_level)
    # It repeats the header or the line that it can't read, which may be a token or an address.
    logging.getLogger(TORNADOS_LOG).setLevel(logging.WARNING)
    for each in refuse_unfit(home.settings.redis).findings:
        log.log(logging.ERROR if each.is_error else logging.WARNING, "Redis %s", each)
    start_sentry(home.settings)
    reloader = Reloader(home)
    reloader.begin(ROLE)
    senders.watch()
    asyncio.run(_serve(sockets, Door(senders, reloader), ready))


async def _serve(sockets: Sequence[socket.socket], door: Door, ready: Callable[[], None]) -> None:
    server = HTTPServer(
        application(door),
        idle_connection_timeout=IDLE_SECONDS,
        body_timeout=BODY_SECONDS,
        max_body_size=OTHER_BODIES_BYTES,
        max_header_size=OTHER_BODIES_BYTES,
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server.add_sockets(sockets)
    ready()
    await stop.wait()
    server.stop()
    with suppress(TimeoutError):
        await asyncio.wait_for(door.is_idle.wait(), GRACE_SECONDS)
    await server.close_all_connections()
    log.info("the front door is closed%s", "" if door.is_idle.is_set() else ", with triggers under way")


def address(sockets: Sequence[socket.socket]) -> str:
    """The URL of the first of these sockets."""
    host, port, *_ = sockets[0].getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
