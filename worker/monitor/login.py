"""Flower's logins: whether each can be used, and whether a browser knows one of them.

Flower compares what a browser sends with its logins as texts, which Python allows for ASCII only: any other letter, in
a login or from a browser, would be an internal error of Flower. Here both are compared as bytes.
"""

from __future__ import annotations

import binascii
import hmac
import sys
import unicodedata
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

from flower.utils.authentication import authenticate
from flower.views import BaseHandler
from tornado.options import options
from tornado.web import HTTPError

from worker.config.faults import Fault
from worker.config.flower_login import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tornado.web import RequestHandler

UNAUTHORIZED: Final = 401
WRONG_CONFIGURATION: Final = 2
CHALLENGE: Final = 'Basic realm="flower", charset="UTF-8"'
"""Asks for a login, and for its letters in UTF-8 (RFC 7617)."""
WHERE: Final = "Flower's login (FLOWER_BASIC_AUTH or --basic-auth)"
EXAMPLE: Final = "FLOWER_BASIC_AUTH=operator:a-long-password"


def install() -> None:
    """Let every page of Flower ask for these logins, and check them once Flower has read its options."""
    BaseHandler.get_current_user = current_user
    BaseHandler.write_error = with_challenge(BaseHandler.write_error)
    options.add_parse_callback(check_at_start)


def check_at_start() -> None:
    """End the process, printing every fault of the logins: nobody could use a login that has one."""
    if faults := list(faults_of(options.basic_auth or [])):
        print(*faults, sep="\n", file=sys.stderr)  # noqa: T201 - as the workers print theirs
        sys.exit(WRONG_CONFIGURATION)


def faults_of(logins: Sequence[str]) -> Iterator[Fault]:
    """What is wrong with the logins."""
    for problem in problems_of(logins):
        yield Fault(WHERE, "", problem, EXAMPLE)


def known_user(logins: Sequence[str], authorization: str) -> str | None:
    """The user of the login that an `Authorization` header holds, which may be anything; None if it holds none."""
    scheme, _, credentials = authorization.strip().partition(" ")
    try:
        given = b64decode(credentials.strip(), validate=True)
    except (ValueError, binascii.Error):
        return None
    # All of them are compared, so that the time that it takes does not tell which is nearly right.
    known = [login for login in logins for form in _forms(given) if hmac.compare_digest(_bytes(login), form)]
    return known[0].partition(":")[0] if scheme.lower() == "basic" and known else None


def _bytes(login: str) -> bytes:
    return unicodedata.normalize("NFC", login).encode(errors="surrogatepass")


def _forms(given: bytes) -> Iterator[bytes]:
    """The logins that the bytes may mean: some programs compose letters in another way, and some send ISO-8859-1."""
    yield given
    for charset in ("utf-8", "iso-8859-1"):
        yield _bytes(given.decode(charset, errors="surrogateescape"))


def current_user(handler: RequestHandler) -> Any:
    """The user, who must know a login and, with Flower's option `--auth`, be known there too. Replaces Flower's own.

    Raises HTTPError 401.
    """
    application: Any = handler.application
    logins, pattern = application.options.basic_auth, application.options.auth
    known = known_user(logins, handler.request.headers.get("Authorization", "")) if logins else None
    if logins and known is None:
        raise HTTPError(UNAUTHORIZED)
    if not pattern:
        return known or True
    user = (handler.get_secure_cookie("user") or b"").decode(errors="replace")
    return user if user and authenticate(pattern, user) else None


def with_challenge(flowers: Callable[..., None]) -> Callable[..., None]:
    """Flower's own `write_error`, except that a missing login is asked for in UTF-8."""

    def write_error(self: RequestHandler, status_code: int, **details: Any) -> None:
        if status_code == UNAUTHORIZED:
            self.set_status(UNAUTHORIZED)
            self.set_header("WWW-Authenticate", CHALLENGE)
            self.finish("Access denied")
        else:
            flowers(self, status_code, **details)

    return write_error
