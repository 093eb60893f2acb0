"""What every page has in common that changes something: who may send it, and how what was sent is read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tornado.httputil import HTTPInputError, parse_body_arguments
from tornado.web import HTTPError, RequestHandler, authenticated, stream_request_body

from worker.monitor.page import Page, refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MEGABYTE: Final = 1024 * 1024
LARGEST_BYTES: Final = 4 * MEGABYTE
"""So much is taken at once: what a form of ours may need, and far more than a trigger."""
LARGEST_UPLOAD_BYTES: Final = 1024 * MEGABYTE
"""So much is let come in, to be refused in words: a browser reads no answer before it has sent everything."""
TOO_LARGE: Final = 413

NOT_OURS: Final = (
    "Nothing was changed: the request does not come from a page of this Flower that is still open. "
    "Go back, load the page again and repeat it."
)
NOT_A_FORM: Final = "Nothing was changed: what was sent is not a form of this page. Load the page again and repeat it."
TOO_MUCH: Final = f"Nothing was changed: more was sent than the {LARGEST_BYTES // MEGABYTE} MB that are taken at once."


@stream_request_body
class Change(Page):
    """What changes something: only with a login, and only from a page of ours.

    What is sent is gathered here and read in a thread: a list of many megabytes would stop Flower meanwhile. Whatever
    is refused is refused once it has come in: before that, Tornado would cut the connection, and the words be lost.
    """

    form: Callable[..., Awaitable[None]]
    """Shows the page that asks before the change; it gets what the address names."""
    change: Callable[..., Awaitable[None]]
    """Makes the change, once what was sent is known to be from a page of ours; it gets what the address names."""

    def initialize(self) -> None:
        """Nothing has come yet."""
        self._sent = bytearray()
        self._size = 0
        self._is_kept = False

    def check_xsrf_cookie(self) -> None:
        """Tornado asks before the form is there; see `_refuse_forged`."""

    def prepare(self) -> None:
        """Let in what is sent with the right login, even where it is too large."""
        with suppress(HTTPError):
            self._is_kept = not refusal(self) and bool(self.current_user)
        if self._is_kept:
            connection: Any = self.request.connection
            connection.set_max_body_size(LARGEST_UPLOAD_BYTES)

    def data_received(self, chunk: bytes) -> None:
        """Keep what may be read."""
        self._size += len(chunk)
        if self.is_too_large:
            self._sent.clear()
        elif self._is_kept:
            self._sent += chunk

    @property
    def is_too_large(self) -> bool:
        """Whether more was sent than is taken."""
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
        """Say that it is too much."""
        raise HTTPError(TOO_LARGE, TOO_MUCH)

    def _read_form(self) -> None:
        request = self.request
        kind = request.headers.get("Content-Type", "")
        try:
            parse_body_arguments(kind, bytes(self._sent), request.body_arguments, request.files, request.headers)
        except HTTPInputError:
            raise HTTPError(400, NOT_A_FORM) from None
        for name, values in request.body_arguments.items():
            request.arguments.setdefault(name, []).extend(values)

    def _refuse_forged(self) -> None:
        """The token of our own page is needed, whatever the login's kind."""
        super().check_xsrf_cookie()
        try:
            RequestHandler.check_xsrf_cookie(self)
        except HTTPError as error:
            raise HTTPError(403, NOT_OURS) from error

    def _allow(self) -> None:
        """Refuse where anybody could do it, or nobody may."""
        if refused := refusal(self):
            raise HTTPError(403, refused)
