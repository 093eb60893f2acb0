"""How the sandbox is started and stopped."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import requests

from worker.sandbox.server import Sandbox, serve

SECONDS = 30
PROGRAM = """
from worker.sandbox.server import Sandbox, serve_forever
serve_forever(Sandbox(), 0, lambda url: print(url, flush=True))
print("closed", flush=True)
"""


def test_a_closed_sandbox_takes_no_calls_and_frees_its_port() -> None:
    """Another one can be served at the same address, and closing twice does no harm."""
    first = serve(Sandbox())
    first.close()
    first.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(first.url, timeout=SECONDS)
    with serve(Sandbox(), port=int(first.url.rpartition(":")[2])) as second:
        assert (second.url, requests.get(second.url, timeout=SECONDS).status_code) == (first.url, 401)


def test_a_taken_port_is_an_error_at_once() -> None:
    """Whoever starts it learns why it can't be served."""
    with serve(Sandbox()) as running, pytest.raises(OSError, match="in use"):
        serve(Sandbox(), port=int(running.url.rpartition(":")[2]))


def test_sandboxes_stand_beside_each_other() -> None:
    """Each has its own port, credentials and state."""
    with serve(Sandbox([{"id": "1"}], token="a")) as first, serve(Sandbox([{"id": "2"}], token="b")) as second:
        statuses = [
            requests.get(
                f"{running.url}/customers/v2/Customer/1", headers={"Authorization": "Bearer a"}, timeout=SECONDS
            ).status_code
            for running in (first, second)
        ]
    assert statuses == [200, 401]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_serves_until_a_signal(number: signal.Signals) -> None:
    """It says its address once it listens, and returns after the signal."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        status = requests.get(f"{url}/sandbox/state", timeout=SECONDS).status_code
        process.send_signal(number)
        rest, _ = process.communicate(timeout=SECONDS)
    assert (status, rest, process.returncode) == (200, "closed\n", 0)
