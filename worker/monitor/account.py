"""What every page says of itself: the release, the environment, the zone of its times and who is logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from worker.app import app
from worker.config.release import release
from worker.monitor.page import Page, user_of, zone_of

if TYPE_CHECKING:
    from tornado.web import RequestHandler

CHALLENGE = 'Basic realm="flower", charset="UTF-8"'
LOGGED_OUT = "You are logged out. Load the page again to log in."


class Account(NamedTuple):
    """That."""

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
    """Logs out: a browser forgets a login that is refused, once it is asked for another."""

    async def get(self) -> None:
        """Refuse the login, or forget the cookie of Flower's option `--auth`."""
        self.clear_cookie("user")
        self.set_status(401)
        self.set_header("WWW-Authenticate", CHALLENGE)
        self.finish(LOGGED_OUT)
