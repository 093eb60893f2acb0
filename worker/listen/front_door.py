"""The HTTP side of the front door: its paths, who is let in, and how long and large anything may be.

A trigger is answered once the ledger holds every notification that was accepted. Whatever a sender does not see an
answer to, it sends again: that does no harm.
"""

from __future__ import annotations

import asyncio
import json
import logging
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from worker.handover import hand_over, report_refusals
from worker.jobs.errors import LedgerUnavailable
from worker.listen import answers
from worker.presentation.verdicts import as_json, error_as_json
from worker.sync.triggers import LONGEST_TRIGGER_BYTES, Accepted, Refused
from worker.web.lanes import Lane, LaneFull

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.ledger import Ledger
    from worker.listen.senders import Senders
    from worker.reloading import Reloader
    from worker.sync.triggers import Verdict

log = logging.getLogger(__name__)

TRIGGERS: Final = "/triggers"
OPENAPI: Final = Path(__file__).with_name("openapi.json")
LONGEST_DRAINED_BYTES: Final = 16 * LONGEST_TRIGGER_BYTES
"""How much of a body is read, and thrown away, behind what is too long: whoever sends must get to read the answer."""
CLOSES: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
)
"""Answers to a body that is not read to its end, perhaps."""
THREADS: Final = 8
PLACES: Final = 512
FULL: Final = "as many triggers as can be taken at once are being taken"


class FrontDoor:
    """What the handlers share."""

    def __init__(self, senders: Senders, reloader: Reloader) -> None:
        self.senders = senders
        self.reloader = reloader
        self._lane = Lane("triggers", threads=THREADS, places=PLACES, full=FULL)
        self._under_way = 0
        self.is_idle = asyncio.Event()
        """Whether no trigger is being taken."""
        self.is_idle.set()
        self.looks = Lane("looks", threads=1, places=15, full="earlier looks have not ended yet")

    @property
    def ledger(self) -> Ledger:
        """The ledger of the configuration as it is now."""
        return self.reloader.ledger

    async def answered(self, body: bytes) -> Sequence[Verdict]:
        """The same as `take`, in a thread of the lane. Raises LedgerUnavailable and LaneFull."""
        self._under_way += 1
        self.is_idle.clear()
        try:
            return await self._lane.begin(lambda: self.take(body))
        finally:
            self._under_way -= 1
            if not self._under_way:
                self.is_idle.set()

    def take(self, body: bytes) -> Sequence[Verdict]:
        """Hand over a trigger; a verdict for each notification. Raises LedgerUnavailable."""
        found = hand_over(self.reloader.judge(body), self.ledger)
        report_refusals(found)
        return found

    def application(self) -> Application:
        """The paths."""
        shared = {"door": self}
        routes = [
            (TRIGGERS, Triggers, shared),
            ("/openapi.json", OpenApi, shared),
            ("/healthz", Alive, shared),
            ("/readyz", Ready, shared),
        ]
        return Application(
            routes,
            default_handler_class=Nothing,
            default_handler_args=shared,
            log_function=log_access,
            compress_response=False,
        )


class Answering(RequestHandler):
    """Answers in JSON, errors too, and tells nothing of what runs here."""

    sender = ""
    counts = ""
    """How many notifications were accepted and refused, for the access log."""

    def initialize(self, door: FrontDoor) -> None:
        """Keep what all handlers share."""
        self.door = door

    def set_default_headers(self) -> None:
        """Nothing is kept by anybody on the way."""
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")

    def answer(self, status: HTTPStatus, body: Mapping[str, Any]) -> None:
        """End with this answer."""
        self.set_status(status)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.set_header("Retry-After", str(answers.RETRY_AFTER_SECONDS))
        if status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", "Bearer")
        if status in CLOSES:
            self.set_header("Connection", "close")
        self.finish(json.dumps(body, ensure_ascii=False) + "\n")

    def write_error(self, status_code: int, **details: Any) -> None:
        """An error of HTTP, or a fault of ours, whose text goes to the log alone."""
        del details
        status = HTTPStatus(status_code)
        known = status if status in answers.ERRORS else HTTPStatus.INTERNAL_SERVER_ERROR
        self.answer(status, answers.error(known))

    def log_exception(self, kind: Any, value: Any, traceback: Any) -> None:
        """Log a fault of ours, without what the request holds."""
        if not isinstance(value, HTTPError):
            log.error("a request met a fault of ours", exc_info=(kind, value, traceback))


@stream_request_body
class Triggers(Answering):
    """`POST /triggers`."""

    SUPPORTED_METHODS = ("POST",)

    def prepare(self) -> None:
        """Let nobody in without a token, and no body that is too long or compressed; before it is read."""
        self._body, self._length = bytearray(), 0
        self.request.connection.set_max_body_size(LONGEST_DRAINED_BYTES)  # type: ignore[union-attr] # tornado's server has it
        if self.request.method not in self.SUPPORTED_METHODS:
            raise HTTPError(HTTPStatus.METHOD_NOT_ALLOWED)
        name = self.door.senders.name_of(self.request.headers.get("Authorization", ""))
        if name is None:
            raise HTTPError(HTTPStatus.UNAUTHORIZED)
        self.sender = name
        if self.request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise HTTPError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        length = self.request.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > LONGEST_TRIGGER_BYTES:
            raise HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body. What comes behind an answer, or behind what is too long, is thrown away."""
        self._length += len(chunk)
        if self._length <= LONGEST_TRIGGER_BYTES:
            self._body += chunk
        elif self._length > LONGEST_DRAINED_BYTES:
            self.request.connection.stream.close()  # type: ignore[union-attr] # tornado's server has one

    async def post(self) -> None:
        """Take a trigger."""
        if self._length > LONGEST_TRIGGER_BYTES:
            raise HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            found = await self.door.answered(bytes(self._body))
        except LaneFull:
            raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE) from None
        except LedgerUnavailable as error:
            self.answer(HTTPStatus.SERVICE_UNAVAILABLE, error_as_json(error.failure))
            return
        accepted = sum(isinstance(each, Accepted) for each in found)
        self.counts = f"{accepted} accepted, {len(found) - accepted} refused"
        if isinstance(whole := found[0], Refused) and not whole.position:
            self.answer(HTTPStatus.BAD_REQUEST, error_as_json(whole.error.failure))
        else:
            status = HTTPStatus.ACCEPTED if accepted else HTTPStatus.UNPROCESSABLE_ENTITY
            self.answer(status, as_json(found))


class Alive(Answering):
    """`GET /healthz`: the process lives."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def get(self) -> None:
        """Say so."""
        self.answer(HTTPStatus.OK, {"alive": True})

    head = get


class Ready(Answering):
    """`GET /readyz`: a trigger that is sent now would be taken."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    async def get(self) -> None:
        """Look whether Redis answers, and whether the configuration is valid."""
        try:
            answers_now = await self.door.looks.begin(self._redis_answers)
        except LaneFull:
            answers_now = False
        is_valid = not self.door.reloader.faults
        is_ready = answers_now and is_valid
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        self.answer(status, {"ready": is_ready, "redis_answers": answers_now, "configuration_is_valid": is_valid})

    head = get

    def _redis_answers(self) -> bool:
        try:
            self.door.ledger.systems()
        except LedgerUnavailable:
            return False
        return True


class OpenApi(Answering):
    """`GET /openapi.json`: what all this takes and answers, for a program that makes a client of it."""

    SUPPORTED_METHODS = ("GET", "HEAD")

    def get(self) -> None:
        """The document."""
        self.finish(OPENAPI.read_bytes())

    head = get


class Nothing(Answering):
    """Any other path."""

    def prepare(self) -> None:
        """There is nothing."""
        raise HTTPError(HTTPStatus.NOT_FOUND)


def log_access(handler: RequestHandler) -> None:
    """One line for each request. Its path may hold anything: only those that are known are shown."""
    if not isinstance(handler, Answering):
        return
    request, status = handler.request, handler.get_status()
    path = "another path" if isinstance(handler, Nothing) else request.path
    milliseconds = round(request.request_time() * 1000)
    level = logging.INFO if isinstance(handler, Triggers | Nothing) else logging.DEBUG
    fields = {"http_status": status, "ms": milliseconds, "sender": handler.sender}
    words = ", ".join(filter(None, [handler.sender, handler.counts]))
    text = "%s %s: %d in %d ms%s"
    log.log(level, text, request.method, path, status, milliseconds, f", {words}" if words else "", extra=fields)
