"""What every page of ours has in common."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from flower.views import BaseHandler
from tornado.escape import xhtml_escape
from tornado.web import Finish, HTTPError, RequestHandler, StaticFileHandler

from worker.app import app
from worker.config.faults import ConfigurationError
from worker.jobs.errors import LedgerUnavailable, SyncError
from worker.monitor.lanes import LaneFull
from worker.monitor.templates import told
from worker.presentation.screen import counted
from worker.presentation.times import lasting

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.jobs.catalogue import Entry
    from worker.ledger import Ledger
    from worker.monitor.lanes import Lane, Lanes
    from worker.runtime import Runtime

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

NO_LOGIN: Final = (
    "This Flower has no login, so it refuses everything that changes something. To set one, start it with "
    "FLOWER_BASIC_AUTH=user:password in its environment."
)
READ_ONLY: Final = "This Flower is read-only (FLOWER_READ_ONLY), so it refuses everything that changes something."
NOT_FOUND, SERVICE_UNAVAILABLE = 404, 503
CODE: Final = re.compile(r"`([^`]+)`")

TITLES: Final = {
    400: "This cannot be done",
    403: "This is refused",
    NOT_FOUND: "Not found",
    413: "This is too much at once",
    SERVICE_UNAVAILABLE: "This page cannot be shown now",
}


class Page(BaseHandler):  # type: ignore[misc] # Flower ships no types
    """A page behind Flower's login, whose reading of Redis does not stop Flower."""

    _awaited: asyncio.Future[Any] | None = None
    """What is being done for the page."""
    _has_hung_up = False

    @property
    def runtime(self) -> Runtime:
        """The configuration and the ledger. Raises ConfigurationError."""
        return app.runtime

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.runtime.ledger

    def set_default_headers(self) -> None:
        """Keep the page out of other sites' frames, where somebody could be led to press its buttons, and of caches."""
        super().set_default_headers()
        forbid_frames(self)
        self.set_header("Cache-Control", "no-store")

    @property
    def lanes(self) -> Lanes:
        """The threads for what waits."""
        lanes: Lanes = self.settings["lanes"]
        return lanes

    async def aside(self, work: Callable[Given, Answer], *args: Given.args, **named: Given.kwargs) -> Answer:
        """Do something short that waits for Redis, in a thread for pages."""
        return await self.in_lane(self.lanes.pages, partial(work, *args, **named))

    async def in_lane(self, lane: Lane, work: Callable[[], Answer], seconds: float | None = None) -> Answer:
        """Do something that waits in a thread of a lane. Raises LaneFull, and TimeoutError after `seconds`.

        Whoever hangs up meanwhile gives up the place to wait for a thread; there is no answer then.
        """
        self._awaited = lane.begin(work)
        try:
            return await asyncio.wait_for(self._awaited, seconds)
        except asyncio.CancelledError:
            if self._has_hung_up:
                raise Finish from None
            raise

    def on_connection_close(self) -> None:
        """Nobody waits for the answer any longer."""
        super().on_connection_close()
        self._has_hung_up = True
        if self._awaited:
            self._awaited.cancel()

    def render_page(self, template: str, tab: str, **values: Any) -> None:
        """Show a template of ours."""
        self.render(
            template,
            active_tab=tab,
            told=told,
            at=at,
            ago=ago,
            number=number,
            counted=counted,
            marked=marked,
            refusal=refusal(self),
            **values,
        )

    def write_error(self, status_code: int, **told_by_tornado: Any) -> None:
        """Say what a person can put right in plain words; leave the rest to Flower."""
        error = (told_by_tornado.get("exc_info") or (None, None, None))[1]
        trouble = _trouble(error)
        if trouble is None:
            super().write_error(status_code, **told_by_tornado)
            return
        status, text, entry = trouble
        if not hasattr(self, "_current_user"):  # else the login, refused or not asked for yet, would be asked for now
            self.current_user = None
        self.set_status(status)
        self.render_page("trouble.html", "", title=TITLES[status], text=text, entry=entry)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """What a page says in plain words needs no trace in the log."""
        if _trouble(value) is None:
            super().log_exception(typ, value, tb)


class Asset(StaticFileHandler):
    """A style sheet or a script: asked for again each time, so that it is always this version's."""

    def set_extra_headers(self, path: str) -> None:
        """Let the browser ask whether it changed."""
        del path
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Content-Type-Options", "nosniff")


def refusal(handler: RequestHandler) -> str:
    """Why this Flower changes nothing; empty if it does."""
    options: Any = handler.application.options  # type: ignore[attr-defined] # Flower's application
    if not (options.basic_auth or options.auth):
        return NO_LOGIN
    return READ_ONLY if options.read_only else ""


def forbid_frames(handler: RequestHandler) -> None:
    """Let no other site show the answer inside its own page."""
    handler.set_header("X-Frame-Options", "DENY")
    handler.set_header("Content-Security-Policy", "frame-ancestors 'none'")


def at(moment: datetime | None) -> str:
    """A time of the ledger as a page shows it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else told(None)


def ago(moment: datetime | None) -> str:
    """How long ago that is, or how far ahead."""
    if moment is None:
        return ""
    since = datetime.now(UTC) - moment
    return f"{lasting(since)} ago" if since.total_seconds() >= 0 else f"in {lasting(-since)}"


def marked(text: str) -> str:
    """A text as HTML, with what stands between backticks as code."""
    return CODE.sub(r"<code>\1</code>", xhtml_escape(text))


def number(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"


def _trouble(error: BaseException | None) -> tuple[int, str, Entry | None] | None:
    """The status and the words for an error that a person can put right, or the catalogue's entry; None for others."""
    match error:
        case SyncError():
            status = SERVICE_UNAVAILABLE if isinstance(error, LedgerUnavailable) else 400
            return status, error.failure.message, error.entry
        case ConfigurationError() | LaneFull():
            return SERVICE_UNAVAILABLE, str(error), None
        case HTTPError(status_code=status) if status in TITLES and (text := error.get_message()):
            return status, text, None
    return None
