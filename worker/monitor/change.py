"""What all pages that change something have in common: who may send a form, and how it is read."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from tornado.httputil import HTTPInputError, parse_body_arguments
from tornado.web import HTTPError, RequestHandler, authenticated, stream_request_body

from worker.monitor.page import Page, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MEGABYTE: Final = 1024 * 1024
LARGEST_BYTES: Final = 4 * MEGABYTE
"""The most that a form may send: enough for each of ours, and far more than a trigger."""
LARGEST_UPLOAD_BYTES: Final = 1024 * MEGABYTE
"""The most that Flower lets in before it cuts the connection. It lets in more than a form may hold, and drops it, as a
browser shows no refusal before it has sent everything."""

NOT_OURS: Final = (
    "Nothing was changed: the request does not come from a page of this Flower that is still open. "
    "Go back, load the page again and repeat it."
)
NOT_A_FORM: Final = "Nothing was changed: what was sent is not a form of this page. Load the page again and repeat it."
TOO_MUCH: Final = f"Nothing was changed: this page takes {LARGEST_BYTES // MEGABYTE} MB at once, and more was sent."
NO_FORM: Final = "This address only takes what a page sends. Look for the job in Activity."


@stream_request_body
class ChangePage(Page):
    """A page that changes something: only for whoever has a login, and only from a page of ours.

    What is sent is gathered here and then read in a thread, as reading many megabytes would stop Flower meanwhile. A
    refusal waits until everything has come in: before that, Tornado would cut the connection, and nobody would read it.
    """

    change: Callable[..., Awaitable[None]]
    """Makes the change, once it is known that a page of ours sent the form; it gets the groups of the address."""

    @property
    def refused(self) -> str:
        """Why this Flower refuses the change; empty if it allows it."""
        return refusal(self)

    async def form(self, *_: str) -> None:
        """Show the page that asks before the change; it gets the groups of the address. By default there is none."""
        raise HTTPError(HTTPStatus.METHOD_NOT_ALLOWED, NO_FORM)

    def initialize(self) -> None:
        """Begin with nothing received."""
        self._sent = bytearray()
        self._size = 0
        self._is_kept = False

    def check_xsrf_cookie(self) -> None:
        """Do nothing when Tornado asks, as the form is not read yet; see `_refuse_forged`."""

    def prepare(self) -> None:
        """Let in whatever is sent with the right login, even if it is too large."""
        with suppress(HTTPError):
            self._is_kept = not self.refused and bool(self.current_user)
        if self._is_kept:
            connection: Any = self.request.connection
            connection.set_max_body_size(LARGEST_UPLOAD_BYTES)

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the form if it will be read."""
        self._size += len(chunk)
        if self.is_too_large:
            self._sent.clear()
        elif self._is_kept:
            self._sent += chunk

    @property
    def is_too_large(self) -> bool:
        """Whether more was sent than a form may hold."""
        return self._size > LARGEST_BYTES

    @authenticated
    async def get(self, *path: str) -> None:
        """Ask before the change."""
        self._allow()
        await self.form(*path)

    @authenticated
    async def post(self, *path: str) -> None:
        """Read the form, refuse what another site forged, then make the change."""
        self._allow()
        if self.is_too_large:
            self.refuse_size()
            return
        await self.in_lane(self.lanes.forms, self._read_form)
        self._refuse_forged()
        await self.change(*path)

    def refuse_size(self) -> None:
        """Answer that more was sent than a form may hold."""
        raise HTTPError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_MUCH)

    def go_to(self, page: str, *names: object, query: str = "") -> None:
        """Lead the browser to a page of ours, after the change."""
        self.redirect(self.reverse_url(page, *names) + query, status=HTTPStatus.SEE_OTHER)

    def _read_form(self) -> None:
        request = self.request
        kind = request.headers.get("Content-Type", "")
        try:
            parse_body_arguments(kind, bytes(self._sent), request.body_arguments, request.files, request.headers)
        except HTTPInputError:
            raise HTTPError(HTTPStatus.BAD_REQUEST, NOT_A_FORM) from None
        for name, values in request.body_arguments.items():
            request.arguments.setdefault(name, []).extend(values)

    def _refuse_forged(self) -> None:
        """Ask for the token of a page of ours, whatever kind of login Flower has."""
        super().check_xsrf_cookie()
        try:
            RequestHandler.check_xsrf_cookie(self)
        except HTTPError as error:
            raise HTTPError(HTTPStatus.FORBIDDEN, NOT_OURS) from error

    def _allow(self) -> None:
        """Refuse if Flower has no login, so that anybody could do it, or is read-only."""
        if self.refused:
            raise HTTPError(HTTPStatus.FORBIDDEN, self.refused)
