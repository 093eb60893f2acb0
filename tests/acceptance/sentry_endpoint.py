"""Stands in for Sentry: takes the envelopes that a DSN sends, and keeps what is in them."""

from __future__ import annotations

import contextlib
import gzip
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from sentry_sdk.envelope import Envelope

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class SentryEndpoint:
    """What was sent: errors, check-ins, and all of it as text."""

    dsn: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    check_ins: list[dict[str, Any]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """Each envelope as it came, headers and all."""

    def take(self, headers: str, body: bytes) -> None:
        """Keep an envelope."""
        self.texts.append(headers + body.decode())
        for item in Envelope.deserialize(body).items:
            if item.type in ("event", "check_in"):
                kept = self.events if item.type == "event" else self.check_ins
                kept.append(json.loads(item.payload.get_bytes()))

    def coded(self, code: str) -> list[dict[str, Any]]:
        """The errors with this code."""
        return [event for event in self.events if event.get("tags", {}).get("code") == code]

    def forget(self) -> None:
        """Begin anew."""
        for kept in (self.events, self.check_ins, self.texts):
            kept.clear()


@contextlib.contextmanager
def sentry_endpoint() -> Iterator[SentryEndpoint]:
    """An endpoint on the loopback address."""
    endpoint = SentryEndpoint()

    class Handler(BaseHTTPRequestHandler):
        """Takes what is posted."""

        def do_POST(self) -> None:
            """Take an envelope."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            endpoint.take(str(self.headers), gzip.decompress(body) if is_packed else body)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint.dsn = f"http://key@127.0.0.1:{server.server_port}/1"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield endpoint
        server.shutdown()
