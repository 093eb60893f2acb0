"""The zone in which a page shows its times: whoever looks at it chooses, and their browser keeps it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from zoneinfo import available_timezones

from tornado.web import HTTPError, authenticated

from worker.monitor.page import COOKIE, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

YEAR_DAYS: Final = 365
NO_ZONE: Final = "There is no time zone of this name. Choose one from the list."


class ZonePage(Page):
    """Chooses it: there is nothing here that another site could gain by."""

    @authenticated
    async def get(self) -> None:
        """Show the list; or keep the zone in the address, and go back to the page that asked."""
        name, back = (self.get_argument(each, "") or "" for each in ("name", "back"))
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
