"""A Redis that is reached over TLS alone: certificates made for the test, by a CA that is known or one that is not."""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from tests import parts
from worker.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "p@ss/wörd"
WRITTEN = "p%40ss%2Fw%C3%B6rd"
"""The password as it stands in a URL."""
KEY = ("-newkey", "rsa:2048", "-nodes", "-days", "2")


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607 - on the path


def make_ca(folder: Path, name: str) -> Path:
    """The certificate of a CA."""
    openssl(folder, "req", "-x509", *KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    return folder / f"{name}.pem"


def make_certificate(folder: Path, ca: str, name: str, host: str) -> Path:
    """A certificate for a host, signed by a CA; its key lies beside it."""
    (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{host}")
    openssl(folder, "req", *KEY, "-subj", f"/CN={host}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    signing = ["-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext"]
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.pem")
    return folder / f"{name}.pem"


@dataclass(frozen=True)
class TlsRedis:
    """A running Redis."""

    folder: Path
    port: int
    admin: redis.Redis

    def url(self, *options: str, host: str = "localhost") -> str:
        """Its URL; its certificate names localhost."""
        return f"rediss://:{WRITTEN}@{host}:{self.port}/0?{'&'.join(options)}"

    @property
    def ca(self) -> str:
        """The option that names the CA that signed its certificate."""
        return f"ssl_ca_certs={self.folder / 'ca.pem'}"

    @property
    def client_certificate(self) -> tuple[str, str]:
        """The options that show it a certificate of the same CA."""
        return f"ssl_certfile={self.folder / 'client.pem'}", f"ssl_keyfile={self.folder / 'client.key'}"

    def logins(self) -> int:
        """How often somebody has logged in."""
        stats = self.admin.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("hello", "auth"))


@contextlib.contextmanager
def tls_redis(folder: Path, *options: str, name: str = "redis-server") -> Iterator[TlsRedis]:
    """Debian's Redis, which wants a password; the test itself looks at it over a socket."""
    make_ca(folder, "ca")
    make_certificate(folder, "ca", "server", "localhost")
    make_certificate(folder, "ca", "client", "worker.example.com")
    port, socket = free_port(), str(folder / "redis.sock")
    files = ["--tls-cert-file", "server.pem", "--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.pem"]
    command = [name, "--port", "0", "--tls-port", str(port), *files, "--requirepass", PASSWORD]
    command += [
        "--unixsocket",
        socket,
        "--dir",
        str(folder),
        "--appendonly",
        "yes",
        "--tls-auth-clients",
        "no",
        *options,
    ]
    with (
        parts.program(command, None, folder / "redis-server.log"),
        redis.Redis(unix_socket_path=socket, password=PASSWORD, decode_responses=True) as admin,
    ):
        parts.eventually(lambda: parts.answers(admin))
        yield TlsRedis(folder, port, admin)
