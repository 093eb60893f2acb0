"""A listener's own Celery application imports `tasks` for `submit`: nothing of it is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests import parts
from worker.local.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

HOST = '''
import json, logging, os, signal, sys, threading, warnings
import celery, kombu.pools, kombu.transport
from celery import Celery, signals
import flower.command, flower.options, flower.urls
import requests, sentry_sdk  # they add filters of warnings for themselves

host = Celery("host", broker="redis://127.0.0.1:1/0")
LOGS = ("", "celery", "celery.app.trace", "celery.beat", "kombu", "urllib3")
SIGNALS = {name: each for name, each in vars(signals).items() if hasattr(each, "receivers")}


def state():
    """Everything of the process that an import could change for others."""
    return {
        "transports": dict(kombu.transport.TRANSPORT_ALIASES),
        "resolved": {scheme: str(kombu.transport.resolve_transport(scheme)) for scheme in ("redis", "rediss")},
        "environment": dict(os.environ),
        "current application": celery.current_app.main,
        "default application": str(celery._state.default_app),
        "pool limit": kombu.pools.get_limit(),
        "pools": len(kombu.pools.connections) + len(kombu.pools.producers),
        "handlers": [str(each) for each in logging.getLogger().handlers],
        "levels": {name: logging.getLogger(name).level for name in LOGS},
        "filters": {name: len(logging.getLogger(name).filters) for name in LOGS},
        "signals": {number: str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)},
        "hooks": [str(sys.excepthook), str(threading.excepthook)],
        "warnings": len(warnings.filters),
        "threads": [each.name for each in threading.enumerate()],
        "tasks": sorted(host.tasks),
        "options": {name: len(options) for name, options in host.user_options.items()},
        "flower": [len(flower.urls.handlers), sorted(flower.urls.settings), flower.options.default_options.conf],
        "arguments": list(sys.argv),
    }


def sent():
    """What a worker, a beat and a command of the host would set off in those who listen to Celery's signals."""
    class Sender:
        app = host
        hostname = "host"
    for name in ("celeryd_init", "celeryd_after_setup", "worker_init", "worker_ready", "worker_shutting_down",
                 "beat_init", "setup_logging", "user_preload_options"):
        options = {"instance": Sender, "conf": host.conf, "options": {}} if name.startswith("celeryd") else {}
        options |= {"sig": 15, "how": "warm", "exitcode": 0} if name == "worker_shutting_down" else {}
        SIGNALS[name].send(sender=Sender, **options)


before = state()
import tasks
imported = state()
sent()
listened = state()
'''
COMPARE = "print(json.dumps({name: [before[name], imported[name], listened[name]] for name in before}))"


def run(code: str, folder: Path, *arguments: str, redis_url: str = "redis://127.0.0.1:1/0") -> Any:
    """What a process of the host finds out."""
    env = parts.environment(redis_url, parts.write_connections(folder, "http://127.0.0.1:1"))
    script = folder / "host.py"
    script.write_text(f"{HOST}\n{code}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), *arguments], env=env, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("arguments", [(), ("flower",), ("worker", "--beat")], ids=["plain", "flower", "worker"])
def test_import_changes_nothing_of_the_process(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Whatever it is run as: what counts is whose application it is, and not what its arguments are called."""
    seen = run(COMPARE, tmp_path, *arguments)
    assert {name: states for name, states in seen.items() if not states[0] == states[1] == states[2]} == {}


def test_submit_takes_its_own_way_to_redis(tmp_path: Path, redis_url: str) -> None:
    """The host's pools and transport stay as they are, and so does where the trigger goes."""
    code = """
os.environ["CELERY_BROKER_URL"] = "redis://127.0.0.1:1/7"
accepted = tasks.submit({"notifications": [{"id": "1", "destination": "4021", "scope": "customer/updated"}]})
after = state()
from worker.app import app
from worker.jobs.routes import CUSTOMERS
with app.connection_for_write() as ours:
    sent = ours.default_channel.client.llen(CUSTOMERS)
with host.connection_for_write() as theirs:
    uri, transport = theirs.as_uri(), type(theirs.transport).__module__
kept = [name for name in before if after[name] != before[name] and name != "environment"]
print(json.dumps([len(accepted), sent, kept, uri, transport]))
"""
    answer = run(code, tmp_path, redis_url=redis_url)
    assert answer == [1, 1, [], "redis://:**@127.0.0.1:1/7", "kombu.transport.redis"]


def test_flower_of_the_host_has_none_of_our_pages(tmp_path: Path, redis_url: str) -> None:
    """`celery -A host flower`, really started, in a process that has imported our tasks."""
    (tmp_path / "host.py").write_text(
        f"from celery import Celery\nimport tasks\napp = Celery('host', broker='{redis_url}')\n", encoding="utf-8"
    )
    env = parts.environment(redis_url, parts.write_connections(tmp_path, "http://127.0.0.1:1"))
    env |= {"PYTHONPATH": f"{parts.ROOT}:{tmp_path}", "FLOWER_UNAUTHENTICATED_API": "true"}
    assert pages(env, tmp_path, "host") == {"/broker": 200, "/activity": 404}


def test_our_flower_has_our_pages_and_shows_the_scheme(tmp_path: Path, redis_url: str) -> None:
    """`celery -A worker.app flower`, and nothing else has to be said."""
    env = parts.environment(redis_url, parts.write_connections(tmp_path, "http://127.0.0.1:1"))
    assert pages(env, tmp_path, "worker.app") == {"/broker": 200, "/activity": 200}
    assert "Broker: redis://" in (tmp_path / "flower.log").read_text(encoding="utf-8")


def pages(env: dict[str, str], folder: Path, application: str) -> dict[str, int]:
    """The status of two pages of a Flower, its own and ours."""
    port = free_port()
    command = ["-m", "celery", "-A", application, "flower", "--address=127.0.0.1", f"--port={port}"]

    def status(path: str) -> int:
        try:
            return requests.get(f"http://127.0.0.1:{port}{path}", timeout=parts.PATIENCE_SECONDS).status_code
        except requests.ConnectionError:
            return 0

    with parts.process(command, env, folder / "flower.log"):
        parts.eventually(lambda: status("/healthcheck") == requests.codes.ok)
        return {path: status(path) for path in ("/broker", "/activity")}
