"""What every page says of itself: the release, the environment, who is logged in, and the zone of its times.

Whoever looks at a page chooses the zone, and their browser keeps it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote
from zoneinfo import available_timezones

from tornado.web import HTTPError, authenticated

from worker.app import app
from worker.config.release import release
from worker.monitor.login import CHALLENGE
from worker.monitor.page import COOKIE, Page, user_of, zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tornado.web import RequestHandler

LOGGED_OUT: Final = '<!doctype html><title>Logged out</title><p>You are logged out. <a href="{}">Log in again</a></p>'
YEAR_DAYS: Final = 365
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


class ZonePage(Page):
    """Chooses the zone. It is kept in the browser alone, so no form has to prove where it comes from."""

    @authenticated
    async def get(self) -> None:
        """Show the list; or keep the zone in the address, and go back to the page that asked."""
        name, back = (self.get_argument(each, "", escape=False) or "" for each in ("name", "back"))
        if name:
            self._keep(name)
            self.redirect(_local(back) or self.reverse_url("connections"))
            return
        self.render_page("zone.html", "", names=names(), back=_local(back))

    def _keep(self, name: str) -> None:
        if name not in names():
            raise HTTPError(HTTPStatus.BAD_REQUEST, NO_ZONE)
        self.set_cookie(COOKIE, name.replace("/", "."), expires_days=YEAR_DAYS, path="/", samesite="Lax", httponly=True)


def names() -> Sequence[str]:
    """Every zone that this machine knows, UTC first."""
    return ["UTC", *sorted(each for each in available_timezones() if "/" in each and not each.startswith("Etc/"))]


def _local(back: str) -> str:
    """The address of a page of this Flower; empty for any other, to which this page must lead nobody."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else ""
