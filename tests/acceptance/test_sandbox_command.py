"""The sandbox as a command: an integrator can try everything without credentials."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import requests

from tests import parts
from tests.acceptance.processes import own_environment, started
from worker.connections import load_connections

if TYPE_CHECKING:
    from pathlib import Path


def test_it_prints_a_connections_file_for_itself(tmp_path: Path) -> None:
    """What it prints is read as it is, and its address answers with as many customers as were asked for."""
    env = own_environment(PYTHONPATH=str(parts.ROOT))
    systems = ("--system", str(parts.SYSTEM), "--system", "5000")
    with started(["sandbox", "--port", "0", "--customers", "30", *systems], env, tmp_path) as process:
        parts.eventually(lambda: "Ctrl-C ends it" in (tmp_path / "err").read_text())
        connections = load_connections(tmp_path / "out", {})
        connection = connections[parts.SYSTEM]
        assert str(connections) == "4021 Sandbox, 5000 Sandbox 5000"
        state = requests.get(f"{connection.ipaas.api_url}/sandbox/state", timeout=parts.PATIENCE_SECONDS).json()
        process.send_signal(signal.SIGINT)
        assert process.wait(parts.PATIENCE_SECONDS) == 0
    assert len(state["ipaas"]["customers"]) == 30


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    """With code 2 and the port's number."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        env = own_environment(PYTHONPATH=str(parts.ROOT))
        with started(["sandbox", "--port", port], env, tmp_path) as process:
            assert process.wait(parts.PATIENCE_SECONDS) == 2
    assert f"port {port} can't be used" in (tmp_path / "err").read_text()
