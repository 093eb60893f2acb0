"""What every page says of itself: the release, the environment, who is logged in, and the zone of its times.

Whoever looks at a page chooses the zone, and their browser keeps it.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote
from zoneinfo import available_timezones

from tornado.web import HTTPError

from worker.app import app
from worker.config.release import release
from worker.monitor.change import ChangePage
from worker.monitor.login import CHALLENGE
from worker.monitor.page import COOKIE, Page, user_of, zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tornado.web import RequestHandler

LOGGED_OUT: Final = '<!doctype html><title>Logged out</title><p>You are logged out. <a href="{}">Log in again</a></p>'
YEAR_DAYS: Final = 365
NATURAL_TIME: Final = "natural-time"
TIMES: Final = frozenset({"received", "started", "revoked"})
"""The columns of Flower's list of tasks that hold times."""
NO_ZONE: Final = "There is no time zone of this name. Choose one from the list."


class Account(NamedTuple):
    """What a page says of itself."""

    version: str
    environment: str
    zone: str
    user: str
    here: str
    """The address of the page, for a link that leads back."""


def about(handler: RequestHandler) -> Account:
    """What the page says of itself; Flower's own pages do, too."""
    version = release()
    return Account(
        version=f"v{version}" if version else "from source",
        environment=app.settings.sentry_environment,
        zone=str(zone_of(handler)),
        user=user_of(handler),
        here=quote(handler.request.uri or ""),
    )


class LogOutPage(Page):
    """Logs out: a browser forgets a login of its own once that is refused. Flower's option `--auth` has its own way."""

    async def get(self) -> None:
        """Refuse the login."""
        self.set_status(HTTPStatus.UNAUTHORIZED)
        self.set_header("WWW-Authenticate", CHALLENGE)
        self.finish(LOGGED_OUT.format(self.reverse_url("connections")))


class ZonePage(ChangePage):
    """Chooses the zone."""

    @property
    def refused(self) -> str:
        """Nothing: the choice changes one browser alone, so a Flower that refuses all else allows it."""
        return ""

    async def form(self, *_: str) -> None:
        """Show the list."""
        self.render_page("zone.html", "", names=names(), back=_local(self.get_argument("back", "", escape=False) or ""))

    async def change(self, *_: str) -> None:
        """Keep the zone in the browser, and go back to the page that asked."""
        name, back = (self.get_body_argument(each, "") for each in ("name", "back"))
        if name not in names():
            raise HTTPError(HTTPStatus.BAD_REQUEST, NO_ZONE)
        self.set_cookie(COOKIE, name.replace("/", "."), expires_days=YEAR_DAYS, path="/", samesite="Lax", httponly=True)
        self.redirect(_local(back) or self.reverse_url("connections"), status=HTTPStatus.SEE_OTHER)


def in_zone(flowers: str, handler: RequestHandler) -> str:
    """Flower's own word for how its script shows times, such as `time-UTC`, with the zone of whoever looks."""
    kind = NATURAL_TIME if flowers.startswith(NATURAL_TIME) else "time"
    return f"{kind}-{zone_of(handler)}"


def heading(column: str, label: str, flowers: str, handler: RequestHandler) -> str:
    """The heading of a column of Flower's list of tasks, with the zone if it shows times."""
    has_zone = column in TIMES and not flowers.startswith(NATURAL_TIME)
    return f"{label} ({zone_of(handler)})" if has_zone else label


def moment(seconds: float | None, handler: RequestHandler) -> str:
    """A time on a task's page; empty if there is none."""
    zone = zone_of(handler)
    return f"{datetime.fromtimestamp(seconds, zone):%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {zone}" if seconds else ""


def names() -> Sequence[str]:
    """Every zone that this machine knows, UTC first."""
    return ["UTC", *sorted(each for each in available_timezones() if "/" in each and not each.startswith("Etc/"))]


def _local(back: str) -> str:
    """The address of a page of this Flower; empty for any other, to which this page must lead nobody."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else ""
