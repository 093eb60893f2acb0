"""Everything on one machine: worker, beat, Flower, the front door, and Valkey if there is no Redis."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from worker.config.cores import usable
from worker.connections import load_connections
from worker.ledger import LedgerUnavailable
from worker.ledger.proving.proof import refuse_unfit
from worker.local.child import running
from worker.local.data_folder import PASSWORD_FILE, flower_login, opened, server_folder
from worker.local.ports import HOST
from worker.local.services import Setting
from worker.local.stopping import Stopped, stopped_by_signals
from worker.local.valkey import valkey
from worker.local.watch import keep_running
from worker.telemetry.logs import configure

if TYPE_CHECKING:
    from worker.config.redis_url import RedisUrl
    from worker.config.settings import Settings
    from worker.local.child import Child

log = logging.getLogger(__name__)

DATABASES = 16
"""How many databases an embedded Valkey has."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ANSWER_SECONDS = 1
SPARE_SECONDS = 5


def run_everything(settings: Settings, flower_port: int, workers: int | None, listen_port: int | None) -> None:
    """Run everything until SIGINT or SIGTERM, then end it in order: the workers first, Valkey last.

    `workers` is how many worker processes there are; None is one for each core. Without a `listen_port` there is no
    front door.

    Raises ConfigurationError if the configuration is wrong or Redis must be configured differently, LedgerUnavailable
    if no Redis answers and an embedded one can't take its URL, and ValkeyFailed if the embedded one can't run.
    """
    load_connections(settings.connections)
    configure(settings.log_format, settings.log_level)
    server_port = None if redis_answers(settings) else settings.redis.port
    with opened(settings.data) as folder:
        machine = Machine(settings, folder, flower_port, server_port, workers or usable(), listen_port)
        try:
            with stopped_by_signals():
                machine.run()
        except Stopped as stopped:
            log.info("%s: everything has ended", stopped)


def redis_answers(settings: Settings) -> bool:
    """Whether there is a Redis that can be used; False if there is none and an embedded one can take its place.

    A Redis with a passing trouble, such as a full memory, is used: the worker waits until the trouble is over. Raises
    LedgerUnavailable if none answers, and ConfigurationError if it must be configured differently first.
    """
    proof = refuse_unfit(settings.redis)
    if not proof.is_away:
        return True
    if brings_one(settings.redis):
        return False
    raise LedgerUnavailable(f"it {proof.findings[0]}")


@dataclass(frozen=True)
class Machine:
    """The child processes and how they run."""

    settings: Settings
    folder: Path
    flower_port: int
    server_port: int | None
    """The port of an embedded Valkey; None if a Redis is there already."""
    workers: int
    """How many worker processes."""
    listen_port: int | None
    """The port of the front door; None if nobody has a token for it."""

    def run(self) -> NoReturn:
        """Start everything and keep it running until Stopped."""
        children = [*self._services(), *self._server()]
        with running(children):
            self._log_addresses()
            keep_running(children, log.warning)

    def _services(self) -> list[Child]:
        call_seconds = self.settings.connect_timeout_seconds + 2 * self.settings.read_timeout_seconds
        setting = Setting(os.environ, Path.cwd(), self.folder, grace_seconds=call_seconds + SPARE_SECONDS)
        login = flower_login(self.settings, self.folder)
        return setting.services(self.flower_port, login, self.workers, self.listen_port)

    def _server(self) -> list[Child]:
        if self.server_port is None:
            return []
        return [valkey(self.server_port, server_folder(self.folder), is_kept=True)]

    def _log_addresses(self) -> None:
        where = f"embedded Valkey, its data in {self.folder / 'valkey'}" if self.server_port else "already there"
        log.info("Redis: %s, %s", self.settings.redis_url_shown, where)
        password = "as configured" if self.settings.flower_password else f"in {self.folder / PASSWORD_FILE}"
        user = self.settings.flower_user
        log.info("Flower: http://%s:%d, user %s, password %s", HOST, self.flower_port, user, password)
        if self.listen_port:
            log.info("Triggers: http://%s:%d/triggers", HOST, self.listen_port)
        else:
            log.info("Triggers are not taken by HTTP: STAMPED_SYNC_LISTEN_TOKENS is not set")


def brings_one(url: RedisUrl) -> bool:
    """Whether an embedded Valkey can take the place of a Redis that is away."""
    return _is_embeddable(url) and not _is_listening(url.port)


def _is_embeddable(url: RedisUrl) -> bool:
    """Whether an embedded Valkey can have this URL: on this machine, without a login and without TLS."""
    return url.host in LOOPBACK and url.db < DATABASES and not (url.is_tls or url.username or url.password)


def _is_listening(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), ANSWER_SECONDS):
            return True
    except OSError:
        return False
