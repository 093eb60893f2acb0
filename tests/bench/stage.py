"""What one contestant runs on: an empty Valkey, the fake APIs as new, and an environment that names both."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import redis

from tests import parts
from tests.bench.fake_apis import DoneBy
from tests.bench.peers.transferring import SYSTEM
from tests.bench.processes import Crew
from tests.bench.redis_figures import figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bench.contestants import Contestant
    from tests.bench.fake_apis import FakeApis
    from tests.bench.redis_figures import RedisFigures

ANY_RATE: Final = 1_000_000
"""More calls than anybody makes, so that the throttle limits nobody."""
NOTHING_ELSE: Final = MappingProxyType[str, str]({})
SHOWN_CHARACTERS: Final = 2_000


@dataclass(frozen=True)
class Work:
    """What is done to each customer."""

    name: str
    is_linked: bool
    """Whether each customer has a link at first, so that it is updated and not created."""
    done_by: DoneBy
    scope: str
    is_unsubscribed: bool = False
    """Whether each customer is to be unsubscribed afterwards, which only this worker does."""


UPDATES: Final = Work("updates", True, DoneBy.WRITE, "customer/updated")
CREATES: Final = Work("creates", False, DoneBy.LINK, "customer/created")
SUBSCRIPTIONS: Final = Work("subscriptions", False, DoneBy.SURVEY, "customer/created", is_unsubscribed=True)


class ContestantFailed(Exception):
    """A contestant ended by itself, or did nothing; the text is the end of its log."""


@dataclass
class Stage:
    """The parts of one run."""

    contestant: Contestant
    apis: FakeApis
    redis_url: str
    client: redis.Redis
    folder: Path
    work: Work
    stores: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    crew: Crew = field(default_factory=Crew)

    @property
    def log(self) -> Path:
        """What the workers print."""
        return self.folder / "worker.log"

    @property
    def env(self) -> dict[str, str]:
        """The environment of every process of the run."""
        # Without compiled modules, a command would spend a fifth of its time on compiling them each time anew.
        left_out = ("STAMPED_SYNC_", "SENTRY_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        threads = str(self.contestant.threads // self.contestant.processes or 1)
        ours = {
            "PYTHONPATH": str(parts.ROOT),
            "BENCH_API": self.apis.url,
            "BENCH_REDIS": self.redis_url,
            "BENCH_THREADS": threads,
            "BENCH_STORES": str(self.stores),
            "BENCH_SCOPE": self.work.scope,
            "STAMPED_SYNC_REDIS_URL": self.redis_url,
            "STAMPED_SYNC_CONNECTIONS": str(self.folder / "connections.toml"),
            "STAMPED_SYNC_CONCURRENCY": threads,
        }
        return {**kept, **ours, **self.settings}

    def ask(self, count: int, *options: str) -> None:
        """Ask for that many customers, and wait until all are asked for."""
        subprocess.run(self._asking(count, *options), env=self.env, cwd=self.folder, check=True)

    @contextlib.contextmanager
    def asking(self, count: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Ask for that many customers meanwhile."""
        child = subprocess.Popen(self._asking(count, *options), env=self.env, cwd=self.folder)
        try:
            yield child
        finally:
            child.kill()
            child.wait()

    def _asking(self, count: int, *options: str) -> list[str]:
        return [sys.executable, "-m", "tests.bench.peers", self.contestant.module, str(count), *options]

    def start(self) -> None:
        """Start the contestant's workers."""
        for command in self.contestant.commands():
            named = [part.replace("{redis}", self.redis_url) for part in command]
            self.crew.start(named, self.env, self.folder, self.log)

    def redis(self) -> RedisFigures:
        """What Redis says about its work."""
        return figures(self.client)

    def failed(self, what: str) -> ContestantFailed:
        """The error of a contestant that did not do what it must."""
        said = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return ContestantFailed(f"{self.contestant.name} {what}:\n{said[-SHOWN_CHARACTERS:]}")


@contextlib.contextmanager
def stage(
    apis: FakeApis,
    contestant: Contestant,
    work: Work,
    *,
    latency_ms: int = 0,
    stores: int = 1,
    settings: Mapping[str, str] = NOTHING_ELSE,
) -> Iterator[Stage]:
    """Everything new for one run; whatever it started is killed at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stamped-sync-bench-")))
        url = stack.enter_context(parts.valkey())
        client = stack.enter_context(redis.Redis.from_url(url))
        (folder / "connections.toml").write_text(connections(apis.url, stores, contestant.threads, work), "utf-8")
        if work.is_unsubscribed:
            parts.write_mapping(folder, subscription=False)
        apis.reset(latency_ms, linked=work.is_linked, done_by=work.done_by)
        made = Stage(contestant, apis, url, client, folder, work, stores, settings)
        stack.callback(made.crew.kill)
        yield made


def connections(url: str, stores: int, concurrent: int, work: Work) -> str:
    """A connections file with that many stores, none of which is throttled."""
    more = f"throttle = {{ limit = {ANY_RATE}, seconds = 1, concurrent = {concurrent} }}"
    if work.is_unsubscribed:
        more += '\nmapping = "mapping.toml"'
    return "\n".join(connection(url, SYSTEM + place, more) for place in range(stores))


def connection(url: str, system_id: int, more: str) -> str:
    """One connection of the fake APIs, which read the system's id out of the token."""
    return "\n".join(
        [
            "[[connection]]",
            f"system_id = {system_id}",
            f'name = "Store {system_id}"',
            more,
            f'ipaas = {{ api_url = "{url}", token = "bench-{system_id}" }}',
            f'stamped = {{ api_url = "{url}", public_key = "public", private_key = "private", store_hash = "270392" }}',
        ]
    )
