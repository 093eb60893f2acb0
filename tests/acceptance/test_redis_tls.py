"""TLS to Redis, by one rule for the ledger, the queue and Flower: verified unless the URL says otherwise."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from kombu.exceptions import OperationalError

from tests import parts
from tests.acceptance.scene import ID, ZOE, Scene, customer
from tests.acceptance.tls import PASSWORD, WRITTEN, TlsRedis, make_ca, tls_redis
from worker.app import app
from worker.jobs.job import State
from worker.ledger import Ledger, LedgerUnavailable, connect
from worker.local.ports import free_port
from worker.sandbox.sandbox import Sandbox
from worker.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.sandbox.server import RunningSandbox

LOGIN = ("operator", "secret")
COMMANDS = ("worker", "beat", "flower")


SERVERS = parts.installed("redis-server")
"""Valkey's wheel has no TLS; `.ci/run` installs this one."""


@pytest.fixture(scope="module", params=SERVERS)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRedis]:
    """Debian's Redis behind a certificate for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    make_ca(folder, "stranger")
    with tls_redis(folder) as running:
        yield running


@pytest.fixture
def both_apis() -> Iterator[RunningSandbox]:
    """One customer."""
    with serve(Sandbox([ZOE])) as running:
        yield running


def unverified(server: TlsRedis) -> dict[str, str]:
    """URLs under which the server's certificate must not be believed: no CA, another CA, another name."""
    return {
        "self-signed certificate in certificate chain": server.url(),
        "self-signed certificate": server.url(f"ssl_ca_certs={server.folder / 'stranger.pem'}"),
        "IP address mismatch": server.url(server.ca, host="127.0.0.1"),
    }


REASONS = ("self-signed certificate in certificate chain", "IP address mismatch")


def env_of(url: str, folder: Path, api_url: str) -> dict[str, str]:
    """The environment of an installation on this Redis."""
    return parts.environment(url, parts.write_connections(folder, api_url), FLOWER_BASIC_AUTH=":".join(LOGIN))


@pytest.mark.parametrize("reason", REASONS)
def test_neither_client_logs_in_where_the_certificate_is_not_trusted(server: TlsRedis, reason: str) -> None:
    """The ledger and the queue refuse before the password is sent."""
    url, before = unverified(server)[reason], server.logins()
    with pytest.raises(LedgerUnavailable, match=f"a certificate that is not trusted .*{reason}"):
        Ledger(connect(url)).request(customer())
    with app.connection_for_write(url) as connection, pytest.raises(OperationalError):
        connection.ensure_connection(max_retries=1)
    assert server.logins() == before


@pytest.mark.parametrize(("command", "reason"), [("worker", REASONS[1]), *((each, REASONS[0]) for each in COMMANDS)])
def test_no_process_starts_on_a_certificate_that_is_not_trusted(
    server: TlsRedis, both_apis: RunningSandbox, tmp_path: Path, reason: str, command: str
) -> None:
    """It ends with code 2 and says why; the password is neither sent nor shown."""
    url, before = unverified(server)[reason], server.logins()
    ended = parts.celery(env_of(url, tmp_path, both_apis.url), tmp_path, command)
    assert ended.returncode == 2
    assert f"certificate that is not trusted ({reason}" in ended.stderr
    assert "ssl_ca_certs" in ended.stderr
    assert not [text for text in (PASSWORD, WRITTEN, "Traceback") if text in ended.stdout + ended.stderr]
    assert server.logins() == before


def test_check_says_that_a_certificate_is_not_trusted(
    server: TlsRedis, both_apis: RunningSandbox, tmp_path: Path
) -> None:
    """With what to write into the URL."""
    done = parts.console(env_of(server.url(), tmp_path, both_apis.url), tmp_path, "check")
    assert done.returncode == 1
    assert "shows a certificate that is not trusted (self-signed certificate in certificate chain" in done.stdout
    assert WRITTEN not in done.stdout


@pytest.mark.parametrize("strictness", ["verified", "not verified", "any host name"])
def test_everything_works_over_tls(
    server: TlsRedis, both_apis: RunningSandbox, tmp_path: Path, strictness: str
) -> None:
    """A check, a worker, a beat and a Flower whose page of the broker shows the queues, all by one URL."""
    url = {
        "verified": server.url(
            server.ca, "ssl_cert_reqs=CERT_REQUIRED", "client_name=sync", "health_check_interval=20"
        ),
        "not verified": server.url("ssl_cert_reqs=none", host="127.0.0.1"),
        "any host name": server.url(server.ca, "ssl_check_hostname=false", host="127.0.0.1"),
    }[strictness]
    everything_works(url, server, both_apis, tmp_path)


def test_worker_outlives_a_file_of_certificates_that_is_missing_for_a_while(
    server: TlsRedis, both_apis: RunningSandbox, tmp_path: Path
) -> None:
    """Whoever renews it may take it away first; the log says what is missing."""
    server.admin.flushall()
    ca = Path(shutil.copy(server.folder / "ca.pem", tmp_path / "ca.pem"))
    env = env_of(server.url(f"ssl_ca_certs={ca}"), tmp_path, both_apis.url)
    stage = Scene(tmp_path, env, both_apis.url, both_apis.sandbox, server.admin)
    with stage.running() as running:
        assert running.sync(ID)
        away = ca.rename(tmp_path / "away.pem")
        server.admin.client_kill_filter(_type="normal", skipme=True)
        parts.eventually(lambda: "a file of our certificates is missing" in stage.log.read_text(encoding="utf-8"))
        away.rename(ca)
        assert running.sync(ID)
    assert stage.log.read_text(encoding="utf-8").count("ready.") == 1


@pytest.mark.parametrize("name", SERVERS)
def test_client_certificate_is_shown_by_both_clients(both_apis: RunningSandbox, tmp_path: Path, name: str) -> None:
    """To a Redis that wants one; without it, that is said."""
    with tls_redis(tmp_path, "--tls-auth-clients", "yes", name=name) as server:
        everything_works(server.url(server.ca, *server.client_certificate), server, both_apis, tmp_path)
        done = parts.console(env_of(server.url(server.ca), tmp_path, both_apis.url), tmp_path, "check")
        assert "ssl_certfile" in done.stdout


def everything_works(url: str, server: TlsRedis, both_apis: RunningSandbox, folder: Path) -> None:
    """Carry a customer over, and look at Flower."""
    server.admin.flushall()
    env, port = env_of(url, folder, both_apis.url), free_port()
    done = parts.console(env, folder, "check")
    assert (done.returncode, done.stdout.count("✗")) == (0, 0), done.stdout
    stage = Scene(folder, env, both_apis.url, both_apis.sandbox, server.admin)
    with stage.running(), parts.flower_process(env, folder / "flower.log", port, ":".join(LOGIN)):
        assert parts.console(env, folder, "sync", ID, "--wait").returncode == 0
        record = stage.ledger.record(customer())
        assert record
        assert record.state is State.DONE
        pages = f"http://127.0.0.1:{port}"
        parts.eventually(lambda: _page(f"{pages}/api/workers?refresh=true").count("celery@"))
        shown = _page(f"{pages}/broker")
    assert all(f">{queue}<" in "".join(shown.split()) for queue in ("customers", "subscriptions", "upkeep"))
    assert "rediss://:**@" in shown
    assert WRITTEN not in shown + (folder / "flower.log").read_text() + stage.log.read_text()


def _page(url: str) -> str:
    try:
        return requests.get(url, auth=LOGIN, timeout=parts.PATIENCE_SECONDS).text
    except requests.ConnectionError:
        return ""
