"""The real parts that tests run on: a Valkey server, the sandbox with its connections file, and worker processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from tests import forked
from worker.http.adapter import Timeouts
from worker.jobs.asking import Asker, Source
from worker.ledger.keys import PREFIX
from worker.local.ports import free_port
from worker.local.valkey import ValkeyFailed, embedded_valkey
from worker.sandbox.sso import COMPANY_ID, EMAIL, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker.jobs.job import Kind, State
    from worker.ledger import Ledger, Record

ROOT = Path(__file__).parent.parent
NEEDED = "TEST_PROGRAMS"
"""Names the programs that `.ci/run` has put on its machine, separated by blanks."""
SYSTEM = 4021
PATIENCE_SECONDS = 120
"""How long a test waits without any progress before it counts as never happening; nothing is measured against it."""

TOKEN = "sandbox-token"
PRIVATE_KEY = "sandbox-private"
"""What opens the sandbox, and nothing else."""

BY_HAND, IN_BACKGROUND = Asker(Source.RERUN), Asker(Source.INITIALIZE)
"""Who asks for a job."""

TIMEOUTS = Timeouts(connect=5, read=15)
"""Those of the calls that a test makes itself; none comes near them."""

QUICK = {
    "STAMPED_SYNC_LEASE_SECONDS": "4",
    "STAMPED_SYNC_CONNECT_TIMEOUT_SECONDS": "0.5",
    "STAMPED_SYNC_READ_TIMEOUT_SECONDS": "1.5",
    "STAMPED_SYNC_LOST_AFTER_SECONDS": "2",
    "STAMPED_SYNC_SWEEP_SECONDS": "1",
    "STAMPED_SYNC_CONCURRENCY": "4",
}
"""Settings under which leases run out, and lost messages are found, while a test waits."""


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """A Valkey server of one's own; its URL."""
    with contextlib.ExitStack() as stack:
        yield _started(stack)


def _started(stack: contextlib.ExitStack) -> str:
    """The URL of a server that runs; another process of the tests may take the port that was free a moment ago."""
    for _ in range(2):
        with contextlib.suppress(ValkeyFailed):
            return stack.enter_context(embedded_valkey())
    return stack.enter_context(embedded_valkey())


@contextlib.contextmanager
def redis_server(folder: Path, *options: str, name: str = "redis-server") -> Iterator[str]:
    """The `redis-server` that this machine has, as a server of one's own; its URL."""
    port = free_port()
    own = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command = [name, *own, *(options or ("--save", ""))]
    url = f"redis://127.0.0.1:{port}/0"
    with program(command, None, folder / "redis-server.log"), redis.Redis.from_url(url) as client:
        eventually(lambda: answers(client))
        yield url


def answers(client: redis.Redis) -> bool:
    """Whether a server is up."""
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def connection(
    url: str,
    *,
    system_id: int = SYSTEM,
    ipaas_url: str = "",
    stamped_url: str = "",
    token: str = TOKEN,
    private_key: str = PRIVATE_KEY,
    more: str = "",
) -> str:
    """One connection's part of a connections file: for the sandbox at `url`, but for what is said otherwise."""
    keys = f'public_key = "sandbox-public", private_key = "{private_key}", store_hash = "270392"'
    lines = [
        "[[connection]]",
        f"system_id = {system_id}",
        f'name = "Sandbox {system_id}"',
        f'ipaas = {{ api_url = "{ipaas_url or url}", token = "{token}" }}',
        f'stamped = {{ api_url = "{stamped_url or url}", {keys} }}',
        more,
    ]
    return "\n".join(lines)


def open_connection(url: str, *, system_id: int = SYSTEM, token: str = TOKEN, more: str = "") -> str:
    """A connection of `system_id` and `ipaas` alone: the sandbox's subscription says the rest."""
    ipaas = f'ipaas = {{ api_url = "{url}", token = "{token}" }}'
    return "\n".join(["[[connection]]", f"system_id = {system_id}", ipaas, more])


def login_connection(url: str, **changes: str) -> str:
    """A connection of `system_id` and a login alone."""
    fields = {"email": EMAIL, "password": PASSWORD, "company_id": COMPANY_ID} | changes
    login = ", ".join(f'{name} = "{value}"' for name, value in fields.items())
    return f'[[connection]]\nsystem_id = {SYSTEM}\nipaas = {{ api_url = "{url}", login = {{ {login} }} }}'


def write_connections(
    folder: Path, url: str, *, system_id: int = SYSTEM, subscription: bool | None = None, more: str = ""
) -> Path:
    """A connections file for the sandbox at `url`; `subscription` maps IsSubscribed to that Static value."""
    mapping = ""
    if subscription is not None:
        mapping = 'mapping = "mapping.toml"'
        write_mapping(folder, subscription)
    path = folder / "connections.toml"
    path.write_text("\n".join([connection(url, system_id=system_id, more=mapping), more]), encoding="utf-8")
    return path


def write_mapping(folder: Path, subscription: bool, name: str = "mapping.toml") -> None:
    """The default template with a Static row for IsSubscribed behind it."""
    write_rows(folder / name, f'type = "Static"\nvalue = {str(subscription).lower()}\ndestination = "IsSubscribed"')


def write_rows(path: Path, *rows: str) -> None:
    """The default template with more rows behind it."""
    template = (ROOT / "worker" / "mapping" / "default.toml").read_text(encoding="utf-8")
    path.write_text("\n[[row]]\n".join([template, *rows]), encoding="utf-8")


def environment(redis_url: str, connections: Path, **more: str) -> dict[str, str]:
    """The environment of a process of ours, with nothing of the tester's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STAMPED_SYNC_", "SENTRY_"))}
    ours = {"STAMPED_SYNC_REDIS_URL": redis_url, "STAMPED_SYNC_CONNECTIONS": str(connections)}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "NO_COLOR": "1"} | QUICK | ours | more


def process(
    command: Sequence[str], env: dict[str, str], log: Path
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A Python process of ours that logs to a file."""
    return program([sys.executable, *command], env, log)


@contextlib.contextmanager
def program(command: Sequence[str], env: dict[str, str] | None, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that logs to a file; ended with SIGTERM, and with SIGKILL if that does not help."""
    with log.open("ab") as output:
        child = subprocess.Popen(command, env=env, stdout=output, stderr=output, cwd=log.parent)
    try:
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it."""
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def worker_process(
    env: dict[str, str], log: Path, *options: str, app: str = "worker.app"
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A real worker."""
    command = ["-m", "celery", "-A", app, "worker"]
    return process([*command, *options], env, log)


def beat_process(env: dict[str, str], log: Path) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A real beat, which sweeps."""
    schedule = str(log.with_suffix(".schedule"))
    return process(["-m", "celery", "-A", "worker.app", "beat", "--schedule", schedule], env, log)


def flower_process(
    env: dict[str, str], log: Path, port: int, login: str
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """A real Flower on the loopback address; `login` is its user and password."""
    command = ["-m", "celery", "-A", "worker.app", "flower", "--address=127.0.0.1", f"--port={port}"]
    return process(command, env | {"FLOWER_BASIC_AUTH": login}, log)


def celery(env: dict[str, str], folder: Path, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What a worker, beat or Flower says that is to end by itself, and how it ends."""
    line = [sys.executable, "-m", "celery", "-A", "worker.app", command, *options]
    return subprocess.run(line, env=env, cwd=folder, capture_output=True, text=True, check=False)


def installed(*programs: str) -> list[str]:
    """Those of these programs that this machine has, for tests that do without one elsewhere.

    What continuous integration has installed counts as there: a test that does not find it fails, and is not skipped.
    """
    return [each for each in programs if each in os.environ.get(NEEDED, "").split() or shutil.which(each)]


def console_command(*arguments: str) -> list[str]:
    """The command line of `stamped-sync` with these arguments."""
    return [sys.executable, "-m", "worker.cli", *arguments]


def console(
    env: dict[str, str], folder: Path, *arguments: str, text: str | bytes = ""
) -> subprocess.CompletedProcess[str]:
    """What `stamped-sync` says to these arguments and to `text` on its standard input, and how it ends."""
    given = text.encode() if isinstance(text, str) else text
    return forked.run(env, folder, ["stamped-sync", *arguments], given)


def eventually(condition: Callable[[], Any], progress: Callable[[], object] = lambda: None) -> Any:
    """Wait until the condition holds; its value. Raises AssertionError after PATIENCE_SECONDS without any progress.

    `progress` is a value that changes as long as there is some: of jobs, calls or lines of a log. So a slow machine may
    take its time, and only what hangs is given up.
    """
    seen, until = progress(), time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.05)
        if (now := progress()) != seen:
            seen, until = now, time.monotonic() + PATIENCE_SECONDS
    raise AssertionError(f"it never happened; the progress, if that was asked for: {seen}")


def in_state(ledger: Ledger, state: State, kind: Kind) -> list[Record]:
    """Every job of a kind in one state, store by store, each in the order of its list."""
    lists = [f"{PREFIX}{state}:{kind}:{system_id}" for system_id in ledger.systems()]
    found: list[Any] = [ledger._client.zrange(each, 0, -1) for each in lists]  # noqa: SLF001 - no user needs it
    records = ledger.records([ledger.job_of(kind, member) for members in found for member in members])
    return [record for record in records if record and record.state is state]
