"""What every page of ours has in common."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta, tzinfo
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from flower.views import BaseHandler
from tornado.web import Finish, HTTPError, RequestHandler, StaticFileHandler

from worker.app import app
from worker.config.faults import ConfigurationError
from worker.jobs.asking import user_name
from worker.jobs.errors import LedgerUnavailable, SyncError
from worker.monitor.address import Address
from worker.presentation.configuration import drift
from worker.presentation.html import ago, entry_of, marked, number, or_dash, unbroken
from worker.presentation.wording import counted
from worker.web.lanes import LaneFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from worker.jobs.catalogue import Entry
    from worker.ledger import Ledger
    from worker.monitor.lanes import Lanes
    from worker.runtime import Runtime
    from worker.web.lanes import Lane

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Row = TypeVar("Row")

NO_LOGIN: Final = (
    "This Flower has no login, so it refuses everything that changes something. To set one, start it with "
    "FLOWER_BASIC_AUTH=user:password in its environment."
)
READ_ONLY: Final = "This Flower is read-only (FLOWER_READ_ONLY), so it refuses everything that changes something."
NOT_FOUND: Final = HTTPStatus.NOT_FOUND
EXPORTED_AT_ONCE: Final = 500
EXPORTED_AT_MOST: Final = 100_000
"""How many rows a table to download has at most."""
COOKIE: Final = "stamped_zone"
"""Names the zone in which a browser wants to see times."""
NEWS_COUNTED: Final = 100
"""How many new rows of a list are counted at most."""

TITLES: Final[dict[int, str]] = {
    HTTPStatus.BAD_REQUEST: "This cannot be done",
    HTTPStatus.FORBIDDEN: "This is refused",
    NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "There is no page here",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "This is too much at once",
    HTTPStatus.SERVICE_UNAVAILABLE: "This page cannot be shown now",
}


class Page(BaseHandler):  # type: ignore[misc] # Flower ships no types
    """A page behind Flower's login. It reads Redis in a thread, so that Flower answers others meanwhile."""

    _awaited: asyncio.Future[Any] | None = None
    """The work in a thread that the page waits for."""
    _has_hung_up = False

    @property
    def runtime(self) -> Runtime:
        """The configuration and the ledger. Raises ConfigurationError."""
        return app.runtime

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.runtime.ledger

    @property
    def user(self) -> str:
        """Who is logged in; empty if Flower has no login."""
        return user_of(self)

    @property
    def names(self) -> dict[int, str]:
        """The name of each connection by its system id."""
        return {each.system_id: each.title for each in self.runtime.connections}

    def name_of(self, system_id: int) -> str:
        """The name of a connection with its system id."""
        return f"{self.names.get(system_id, 'Connection')} ({system_id})"

    @property
    def zone(self) -> tzinfo:
        """The zone in which this browser wants to see times."""
        return zone_of(self)

    def at(self, moment: datetime | None) -> str:
        """A time with its zone, as this browser wants to see it."""
        return or_dash(moment and f"{self.clock(moment)} {moment.astimezone(self.zone):%Z}")

    def clock(self, moment: datetime | None) -> str:
        """The same where the zone stands elsewhere."""
        return or_dash(moment and f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M:%S}")

    def in_field(self, moment: datetime | None) -> str:
        """The same as a field of a form holds it; empty if there is none."""
        if moment is None:
            return ""
        there = moment.astimezone(self.zone)
        return f"{there:%Y-%m-%dT%H:%M}" + (f":{there:%S}" if there.second else "")

    def expiring(self) -> list[str]:
        """Whose iPaaS.com API key expires soon, or has expired."""
        return list(self.runtime.connections.expiring())

    def set_default_headers(self) -> None:
        """Keep the page out of caches and of other sites' frames, which could trick somebody into pressing a button."""
        super().set_default_headers()
        forbid_frames(self)
        self.set_header("Cache-Control", "no-store")

    @property
    def lanes(self) -> Lanes:
        """The threads for work that waits for Redis or an API."""
        lanes: Lanes = self.settings["lanes"]
        return lanes

    async def aside(self, work: Callable[Given, Answer], *args: Given.args, **named: Given.kwargs) -> Answer:
        """Do something short that waits for Redis in a thread for pages."""
        return await self.in_lane(self.lanes.pages, partial(work, *args, **named))

    async def in_lane(self, lane: Lane, work: Callable[[], Answer], seconds: float | None = None) -> Answer:
        """Do work that has to wait in a thread of a lane. Raises LaneFull, and TimeoutError after `seconds`.

        If the browser hangs up before the work has begun, the work is dropped and nothing is answered.
        """
        self._awaited = lane.begin(work)
        try:
            return await asyncio.wait_for(self._awaited, seconds)
        except asyncio.CancelledError:
            if self._has_hung_up:
                raise Finish from None
            raise

    def on_connection_close(self) -> None:
        """Drop work that has not begun: nobody waits for the answer any longer."""
        super().on_connection_close()
        self._has_hung_up = True
        if self._awaited:
            self._awaited.cancel()

    def get_template_namespace(self) -> dict[str, Any]:
        """What every template can use, also one that is part of another."""
        namespace: dict[str, Any] = super().get_template_namespace()
        ours = {each.__name__: each for each in (or_dash, ago, entry_of, number, counted, marked, unbroken)}
        times = {"at": self.at, "clock": self.clock, "in_field": self.in_field, "zone": self.zone}
        more = {
            "refusal": refusal(self),
            "name_of": self.name_of,
            "expiring": self.expiring,
            "notices": drift(app.reloader.processes),
        }
        return namespace | ours | times | more

    def address(self, *names: str) -> Address:
        """What this page's address gives, of these names."""
        return Address(self.request.query_arguments, names, self.zone)

    def unknown_system(self, system_id: int | None) -> str:
        """Says that nobody knows a connection that a filter names; empty if it is known, or if there is none."""
        if system_id is None or system_id in self.names or system_id in self.ledger.systems():
            return ""
        return f"Connection {system_id} is not configured, and never had a job"

    def refuse_faults(self, faults: Sequence[str]) -> None:
        """Refuse a filter with faults where no page would say what was ignored. Raises HTTPError 400."""
        if faults:
            raise HTTPError(HTTPStatus.BAD_REQUEST, f"The filter has faults: {'; '.join(faults)}.")

    async def answer_news(self, count: Callable[[datetime], int]) -> None:
        """Answer how many rows came after the time in the address, up to some. `count` counts those since a time."""
        after = self.address("after").time("after")
        found = await self.aside(count, after + timedelta(milliseconds=1)) if after else 0
        self.write({"count": min(found, NEWS_COUNTED), "most": NEWS_COUNTED})

    async def send_table(self, name: str, pages: Iterator[list[Row]], table: Callable[..., str]) -> None:
        """Send a CSV table to download while its rows are read, a page at a time."""
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.write(table([], with_header=True))
        count = 0
        while (page := await self.in_lane(self.lanes.changes, lambda: next(pages, None))) is not None:
            if count >= EXPORTED_AT_MOST:
                self.write(f"there is more: these are the newest {count} rows\r\n")
                return
            self.write(table(page))
            count += len(page)
            await self.flush()

    def render_page(self, template: str, tab: str, **values: Any) -> None:
        """Show a template of ours."""
        self.render(template, active_tab=tab, **values)

    def write_error(self, status_code: int, **details: Any) -> None:
        """Explain an error that a person can put right in plain words; leave the rest to Flower."""
        error = (details.get("exc_info") or (None, None, None))[1]
        trouble = _trouble(error)
        if trouble is None:
            super().write_error(status_code, **details)
            return
        status, text, entry = trouble
        if not hasattr(self, "_current_user"):  # the page would ask for the login now
            self.current_user = None
        self.set_status(status)
        self.render_page("trouble.html", "", title=TITLES[status], text=text, entry=entry)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log the trace of an error only if no page explains it in plain words."""
        if _trouble(value) is None:
            super().log_exception(typ, value, tb)


class Asset(StaticFileHandler):
    """A style sheet or a script. A browser asks for it each time, so that it always has this version's."""

    def set_extra_headers(self, path: str) -> None:
        """Let the browser ask whether the file has changed."""
        del path
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Content-Type-Options", "nosniff")


def zone_of(handler: RequestHandler) -> tzinfo:
    """The zone in which a browser wants to see times; UTC if it does not say, or names none."""
    try:
        return ZoneInfo((handler.get_cookie(COOKIE) or "UTC").replace(".", "/"))
    except (ValueError, OSError, LookupError):
        return UTC


def user_of(handler: RequestHandler) -> str:
    """Who is logged in, without what may make an e-mail address of it; empty if Flower has no login."""
    user: object = handler.current_user
    return user_name(user) if isinstance(user, str) else ""


def refusal(handler: RequestHandler) -> str:
    """Why this Flower refuses changes; empty if it allows them."""
    options: Any = handler.application.options  # type: ignore[attr-defined] # Flower's application
    if not (options.basic_auth or options.auth):
        return NO_LOGIN
    return READ_ONLY if options.read_only else ""


def forbid_frames(handler: RequestHandler) -> None:
    """Let no other site show the answer inside its own page."""
    handler.set_header("X-Frame-Options", "DENY")
    handler.set_header("Content-Security-Policy", "frame-ancestors 'none'")


def _trouble(error: BaseException | None) -> tuple[int, str, Entry | None] | None:
    """The status, the words and the catalogue's entry, if it has one, for an error that a person can put right."""
    match error:
        case LedgerUnavailable():
            return HTTPStatus.SERVICE_UNAVAILABLE, error.failure.message, error.entry
        case SyncError():
            return HTTPStatus.BAD_REQUEST, error.failure.message, error.entry
        case ConfigurationError() | LaneFull():
            return HTTPStatus.SERVICE_UNAVAILABLE, str(error), None
        case HTTPError(status_code=status) if status in TITLES and (text := error.get_message()):
            return status, text, None
    return None
