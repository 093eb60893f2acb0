"""The HTTP side of the front door: its paths, who is let in, and how long and large anything may be.

A trigger is answered once the ledger holds every notification that was accepted. Whatever a sender does not see an
answer to, it sends again: that does no harm.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from worker.jobs.errors import LedgerUnavailable
from worker.listen import answers
from worker.presentation.verdicts import as_json, error_as_json
from worker.sync.triggers import LONGEST_TRIGGER_BYTES, Accepted, Refused
from worker.web.lanes import LaneFull

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from worker.listen.door import Door

log = logging.getLogger(__name__)

OPENAPI: Final = Path(__file__).with_name("openapi.json").read_bytes()
LONGEST_DRAINED_BYTES: Final = 16 * LONGEST_TRIGGER_BYTES
"""How much of a body is read that is not kept, so that whoever sends it gets to read the answer. Then it is cut off."""
DIGITS_OF_LENGTHS: Final = 10
"""A `Content-Length` of more digits is longer than anything."""
FAULT: Final = HTTPStatus.INTERNAL_SERVER_ERROR
CLOSES: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
)
"""Answers after which the connection is closed: there may be more of the body than is read."""


def application(door: Door) -> Application:
    """The paths."""
    shared = {"door": door}
    routes = [
        ("/triggers", Triggers, shared),
        ("/openapi.json", OpenApi, shared),
        ("/healthz", Alive, shared),
        ("/readyz", Ready, shared),
        ("/metrics", Figures, shared),
    ]
    return Application(routes, default_handler_class=NotThere, default_handler_args=shared, log_function=note)


class Answering(RequestHandler):
    """Answers in JSON, errors too, and tells nothing of what runs here."""

    SUPPORTED_METHODS: tuple[str, ...] = ("GET", "HEAD")
    sender = ""
    """The name of whose token it is."""
    counts = ""
    """How many notifications were accepted and refused, for the access log."""

    def initialize(self, door: Door) -> None:
        """Keep what all handlers share."""
        self.door = door

    def set_default_headers(self) -> None:
        """Nothing is kept by anybody on the way."""
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")

    def answer(self, status: HTTPStatus, body: Mapping[str, Any]) -> asyncio.Future[None]:
        """End with this answer; whoever awaits it knows that it was sent."""
        self.set_status(status)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.set_header("Retry-After", str(answers.RETRY_AFTER_SECONDS))
        if status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", "Bearer")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(self.SUPPORTED_METHODS))
        if status in CLOSES:
            self.set_header("Connection", "close")
        return self.finish(json.dumps(body, ensure_ascii=False) + "\n")

    def write_error(self, status_code: int, **details: Any) -> None:
        """An error of HTTP, or a fault of ours, of which the log alone tells more."""
        del details
        status = HTTPStatus(status_code)
        if status not in answers.ERRORS:
            status = HTTPStatus.BAD_REQUEST if status_code < HTTPStatus.INTERNAL_SERVER_ERROR else FAULT
        self.answer(status, answers.error(status))

    def log_exception(self, kind: Any, value: Any, traceback: Any) -> None:
        """Log a fault of ours; what it says could hold a part of the request."""
        if not isinstance(value, HTTPError):
            log.error("a request met a fault of ours", exc_info=(kind, RuntimeError(kind.__name__), traceback))


@stream_request_body
class Triggers(Answering):
    """`POST /triggers`."""

    SUPPORTED_METHODS = ("POST",)

    def initialize(self, door: Door) -> None:
        """Keep what all handlers share; and begin with a body that nobody wants, as for another method."""
        super().initialize(door)
        self._body, self._length = bytearray(), 0
        self._refusal: HTTPStatus | None = HTTPStatus.METHOD_NOT_ALLOWED
        self._is_inside = False

    def prepare(self) -> None:
        """Decide whether the body is wanted, before it is read."""
        self.request.connection.set_max_body_size(2 * LONGEST_DRAINED_BYTES)  # type: ignore[union-attr] # tornado's has it
        name = self.door.senders.name_of(self.request.headers.get("Authorization", ""))
        self.sender = name or ""
        self._refusal = None
        if unwanted := HTTPStatus.UNAUTHORIZED if name is None else self._unwanted():
            self._refuse(unwanted)
            if name is None or self._announced > LONGEST_DRAINED_BYTES:
                raise HTTPError(unwanted)
        self._is_inside = True
        self.door.enter()

    @property
    def _announced(self) -> int:
        """How long the body is, as its sender says; 0 if that is not said."""
        text = self.request.headers.get("Content-Length", "")
        if not (text.isascii() and text.isdecimal()):
            return 0
        return int(text) if len(text) <= DIGITS_OF_LENGTHS else 10**DIGITS_OF_LENGTHS

    def _unwanted(self) -> HTTPStatus | None:
        """Why a body of somebody who has a token is not kept."""
        if self._announced > LONGEST_TRIGGER_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if self.request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        return HTTPStatus.SERVICE_UNAVAILABLE if self.door.is_full else None

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer so, whatever the body holds, and let the operator know."""
        self._refusal = status
        self.door.notes.add(status, has_token="Authorization" in self.request.headers)

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body, unless it is not wanted."""
        self._length += len(chunk)
        if self._length > LONGEST_TRIGGER_BYTES and not self._refusal:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if self._refusal:
            self._body.clear()
        else:
            self._body += chunk
        if self._length > LONGEST_DRAINED_BYTES:
            self.request.connection.stream.close()  # type: ignore[union-attr] # tornado's server has one

    async def post(self) -> None:
        """Take a trigger."""
        try:
            with suppress(StreamClosedError):  # the sender has gone away, and sends it again
                await self._answered()
        finally:
            self._leave()

    async def _answered(self) -> None:
        if self._refusal:
            await self.answer(self._refusal, answers.error(self._refusal))
            return
        try:
            found = await self.door.taken(self._body)
        except LaneFull:
            await self.answer(HTTPStatus.SERVICE_UNAVAILABLE, answers.error(HTTPStatus.SERVICE_UNAVAILABLE))
            return
        except LedgerUnavailable as error:
            await self.answer(HTTPStatus.SERVICE_UNAVAILABLE, error_as_json(error.failure))
            return
        accepted = sum(isinstance(each, Accepted) for each in found)
        self.counts = f"{accepted} accepted, {len(found) - accepted} refused"
        if isinstance(whole := found[0], Refused) and not whole.position:
            await self.answer(HTTPStatus.BAD_REQUEST, error_as_json(whole.error.failure))
        else:
            status = HTTPStatus.ACCEPTED if accepted else HTTPStatus.UNPROCESSABLE_ENTITY
            await self.answer(status, as_json(found))

    def on_connection_close(self) -> None:
        """The sender has gone away; what is being taken goes on all the same."""
        super().on_connection_close()
        self._leave()

    def _leave(self) -> None:
        if self._is_inside:
            self._is_inside = False
            self.door.leave()


class Alive(Answering):
    """`GET /healthz`: the process lives."""

    def get(self) -> None:
        """Say so."""
        self.answer(HTTPStatus.OK, {"alive": True})

    head = get


class Ready(Answering):
    """`GET /readyz`: a trigger that is sent now would be taken."""

    async def get(self) -> None:
        """Look whether Redis answers, and whether the configuration is valid."""
        answers_now, is_valid = await self.door.redis_answers(), self.door.is_configured
        is_ready = answers_now and is_valid
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        self.answer(status, {"ready": is_ready, "redis_answers": answers_now, "configuration_is_valid": is_valid})

    head = get


class OpenApi(Answering):
    """`GET /openapi.json`: what all this takes and answers, for a program that makes a client of it."""

    def get(self) -> None:
        """Answer with the file beside this one."""
        self.finish(OPENAPI)

    head = get


class Figures(Answering):
    """`GET /metrics`: what this process has answered, for Prometheus."""

    def get(self) -> None:
        """Answer in Prometheus' text format. Like Flower's it needs no token, and holds nothing about anybody."""
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.finish(self.door.metrics.text())

    head = get


class NotThere(Answering):
    """Any other path, by any method."""

    SUPPORTED_METHODS = RequestHandler.SUPPORTED_METHODS

    def prepare(self) -> None:
        """Say that there is nothing."""
        raise HTTPError(HTTPStatus.NOT_FOUND)


def note(handler: RequestHandler) -> None:
    """Count a request and log a line for it. Its method and path may be anything: only known ones are shown."""
    if not isinstance(handler, Answering):
        return
    request, status = handler.request, handler.get_status()
    path = "another path" if isinstance(handler, NotThere) else request.path
    handler.door.metrics.answered(path, status, request.request_time())
    method = request.method if request.method in RequestHandler.SUPPORTED_METHODS else "another method"
    milliseconds = round(request.request_time() * 1000)
    level = logging.INFO if isinstance(handler, Triggers | NotThere) else logging.DEBUG
    fields = {"http_status": status, "ms": milliseconds, "sender": handler.sender}
    words = ", ".join(filter(None, [handler.sender, handler.counts]))
    text = "%s %s: %d in %d ms%s"
    log.log(level, text, method, path, status, milliseconds, f", {words}" if words else "", extra=fields)
