"""What the front door answers if it does not take a trigger: the errors that are of HTTP alone."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

RETRY_AFTER_SECONDS: Final = 5
"""When a sender may try again that could not be served."""
ERRORS: Final[dict[HTTPStatus, tuple[str, str, str]]] = {
    HTTPStatus.UNAUTHORIZED: (
        "unauthorized",
        "The request has no token that is known here.",
        "Send the header Authorization: Bearer TOKEN, with a token of STAMPED_SYNC_LISTEN_TOKENS or its file.",
    ),
    HTTPStatus.NOT_FOUND: (
        "not-found",
        "There is nothing at this path.",
        "Send triggers by POST to /triggers; GET /openapi.json describes all paths.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method-not-allowed",
        "This path does not take this method.",
        "Send triggers by POST to /triggers; GET /openapi.json describes all paths.",
    ),
    HTTPStatus.BAD_REQUEST: (
        "bad-request",
        "The request can't be read.",
        "Send it as HTTP/1.1; GET /openapi.json describes what is taken.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "body-too-large",
        "The body is longer than 2 MB.",
        "Send the notifications in several triggers; one of 2 MB holds about 10,000.",
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "encoding-unsupported",
        "The body is compressed.",
        "Send it as it is, without the header Content-Encoding.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "internal-error",
        "The front door met a fault of its own.",
        "Send the trigger again; if it lasts, give the operator the time. Its log has the fault.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "busy",
        "As many triggers as can be taken at once are being taken.",
        "Send the trigger again after the seconds of Retry-After.",
    ),
}
"""The errors that are of HTTP alone: code, message and resolution."""


def error(status: HTTPStatus) -> dict[str, str]:
    """The body of an error of HTTP."""
    return dict(zip(("code", "message", "resolution"), ERRORS[status], strict=True))
