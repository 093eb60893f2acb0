"""What Redis goes through: each trouble begins, lasts for a while and ends."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import redis

from tests import parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.proofs.processes import Server

NOBODY: Final = ("127.0.0.1", "1")
"""A primary that is not there."""
KEY_DELAY_US: Final = 200_000
PIECE: Final = 1024
"""Bytes of a snapshot after which a server that loads it answers its clients."""
ENDLESS: Final = "while true do end"


@dataclass(frozen=True)
class Trouble:
    """Something that Redis goes through, once the context is entered and until a while after it is left."""

    name: str
    bring: Callable[[Server, float], AbstractContextManager[None]]
    words: str = ""
    """What the log says of Redis; empty where it may pass unnoticed."""
    by_start: bool = False
    """Whether processes are to be started during it too."""


@contextlib.contextmanager
def set_to(server: Server, seconds: float, **settings: str) -> Iterator[None]:
    """Other settings for a while."""
    names = {name.replace("_", "-"): value for name, value in settings.items()}
    before = {name: str(server.client.config_get(name)[name]) for name in names}
    for name, value in names.items():
        server.client.config_set(name, value)
    yield
    time.sleep(seconds)
    for name, value in before.items():
        server.client.config_set(name, value)


@contextlib.contextmanager
def replica(server: Server, seconds: float, stale: str) -> Iterator[None]:
    """A failover: a replica for a while, then the primary again; `stale` is whether its old data may be read."""
    server.client.config_set("replica-serve-stale-data", stale)
    server.client.replicaof(*NOBODY)
    yield
    time.sleep(seconds)
    server.client.replicaof("NO", "ONE")


@contextlib.contextmanager
def disk_full(server: Server, seconds: float) -> Iterator[None]:
    """A snapshot that can't be written: where its file belongs is a folder with something in it."""
    blocked = server.folder / "dump.rdb"
    blocked.unlink(missing_ok=True)
    (blocked / "full").mkdir(parents=True)
    server.client.config_set("save", "3600 1000000")
    server.client.bgsave()
    parts.eventually(lambda: server.client.info("persistence")["rdb_last_bgsave_status"] == "err")
    yield
    time.sleep(seconds)
    shutil.rmtree(blocked)
    server.client.bgsave()
    parts.eventually(lambda: server.client.info("persistence")["rdb_last_bgsave_status"] == "ok")
    server.client.config_set("save", "")


@contextlib.contextmanager
def away(server: Server, seconds: float) -> Iterator[None]:
    """Killed, and back a while later."""
    server.process.kill()
    yield
    time.sleep(seconds)
    server.start()


@contextlib.contextmanager
def loading(server: Server, seconds: float) -> Iterator[None]:
    """Killed, and back at once, but busy with reading its data for a while.

    It answers meanwhile after each piece of its snapshot; each is a key at which it is made to wait.
    """
    ballast = {f"ballast:{number}": secrets.token_hex(PIECE // 2) for number in range(500)}
    server.client.mset(ballast)
    server.client.bgrewriteaof()
    parts.eventually(lambda: not server.client.info("persistence")["aof_rewrite_in_progress"])
    server.process.kill()
    server.begin("--key-load-delay", str(KEY_DELAY_US), "--loading-process-events-interval-bytes", str(PIECE))
    parts.eventually(lambda: refuses(server, "LOADING"))
    yield
    time.sleep(seconds)
    server.client.config_set("key-load-delay", "0")
    server.wait_until_ready()
    server.client.delete(*ballast)


@contextlib.contextmanager
def cut(server: Server, seconds: float) -> Iterator[None]:
    """Every connection is cut five times, those of the events too."""
    for _ in range(5):
        server.cut()
        server.client.client_kill_filter(_type="pubsub")
        time.sleep(seconds / 5)
    yield


@contextlib.contextmanager
def paused(server: Server, seconds: float) -> Iterator[None]:
    """Redis lets every client wait."""
    server.client.client_pause(int(seconds * 1000))
    yield
    time.sleep(seconds)


@contextlib.contextmanager
def busy(server: Server, seconds: float) -> Iterator[None]:
    """A script of somebody's runs on and on until it is killed."""
    with set_to(server, 0, lua_time_limit="50"):
        somebody: Any = server.client.connection_pool.get_connection()
        somebody.send_command("EVAL", ENDLESS, "0")
        parts.eventually(lambda: refuses(server, "BUSY"))
        yield
        time.sleep(seconds)
        server.client.script_kill()
        parts.eventually(lambda: not refuses(server, "BUSY"))
        somebody.disconnect()


def refuses(server: Server, code: str) -> bool:
    """Whether a ping is refused so."""
    try:
        server.client.ping()
    except redis.RedisError as error:
        return code in f"{error.status_code} {error}"
    return False


TROUBLES: Final = (
    Trouble("a failover", partial(replica, stale="yes"), "is a replica, which takes no writes", by_start=True),
    Trouble("a failover without old data", partial(replica, stale="no"), "is a replica"),
    Trouble("a full disk", disk_full, "can't save its data to its disk", by_start=True),
    Trouble("a full memory", partial(set_to, maxmemory="1"), "has reached its maxmemory", by_start=True),
    Trouble("too few replicas", partial(set_to, min_replicas_to_write="1"), "has too few replicas"),
    Trouble("a long script", busy, "is busy with a long script"),
    Trouble("its data being loaded", loading, "is still loading its data", by_start=True),
    Trouble("cut connections", cut),
    Trouble("a pause", paused),
    Trouble("a restart", away, "can't be reached", by_start=True),
)
