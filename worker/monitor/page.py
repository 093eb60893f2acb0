"""What every page of ours has in common."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from flower.views import BaseHandler
from tornado.web import HTTPError, RequestHandler

from worker.app import app
from worker.faults import ConfigurationError
from worker.ledger import Ledger, LedgerUnavailable
from worker.monitor.templates import told
from worker.times import lasting

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.runtime import Runtime

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

NO_LOGIN = (
    "This page changes something, and this Flower has no login, so it refuses. Set one and start Flower again: "
    "FLOWER_BASIC_AUTH=user:password in its environment."
)


class Page(BaseHandler):  # type: ignore[misc] # Flower ships no types
    """A page behind Flower's login, whose reading of Redis does not stop Flower."""

    @property
    def runtime(self) -> Runtime:
        """The configuration and the ledger. Raises ConfigurationError."""
        return app.runtime

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.runtime.ledger

    async def aside(self, work: Callable[Given, Answer], *args: Given.args, **named: Given.kwargs) -> Answer:
        """Do something that waits for Redis or an API in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(
            self.application.executor, partial(work, *args, **named)
        )

    def render_page(self, template: str, tab: str, **values: Any) -> None:
        """Show a template of ours."""
        self.render(template, active_tab=tab, told=told, at=at, ago=ago, number=number, **values)

    def write_error(self, status_code: int, **told_by_tornado: Any) -> None:
        """Say what a person can put right in plain words; leave the rest to Flower."""
        error = (told_by_tornado.get("exc_info") or (None, None, None))[1]
        if isinstance(error, LedgerUnavailable | ConfigurationError):
            self.set_status(503)
            self.render_page("trouble.html", "", trouble=str(error))
            return
        super().write_error(status_code, **told_by_tornado)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """What a page says in plain words needs no trace in the log."""
        if not isinstance(value, LedgerUnavailable | ConfigurationError):
            super().log_exception(typ, value, tb)


class Change(Page):
    """What changes something: only with a login, and only from a page of ours."""

    def check_xsrf_cookie(self) -> None:
        """Refuse what another site forged: the token of our own page is needed, whatever the login's kind."""
        super().check_xsrf_cookie()
        RequestHandler.check_xsrf_cookie(self)

    def prepare(self) -> None:
        """Refuse where anybody could do it."""
        options = self.application.options
        if not (options.basic_auth or options.auth):
            raise HTTPError(403, NO_LOGIN)


def at(moment: datetime | None) -> str:
    """A time of the ledger as a page shows it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else told(None)


def ago(moment: datetime | None) -> str:
    """How long ago that is, or how far ahead."""
    if moment is None:
        return ""
    since = datetime.now(UTC) - moment
    return f"{lasting(since)} ago" if since.total_seconds() >= 0 else f"in {lasting(-since)}"


def number(count: int) -> str:
    """A count with its thousands apart."""
    return f"{count:,}"
