"""The error catalogue: every error that a person can meet, and what the software should do about it.

An error class carries its catalogue entry; an error instance adds the HTTP status and what the API said of it, with
personal data already masked. Nothing else in the software decides by an error's text.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import ClassVar

TRANSIENT_STATUSES = frozenset({408, 429, *range(500, 600)})
CREDENTIAL_STATUSES = frozenset({401, 403})


class Retried(StrEnum):
    """When the worker tries again by itself.

    By status: on HTTP 408, 429 and 5xx, and where there is no answer. Held: the whole connection is held, and tried
    again with one job at a time.
    """

    ALWAYS = "always"
    BY_STATUS = "by status"
    HELD = "held"
    NEVER = "never"


class Concerns(StrEnum):
    """Where the cause lies, and so who can put it right."""

    CONFIGURATION = "configuration"
    DATA = "data"
    SERVICE = "service"


@dataclass(frozen=True)
class Entry:
    """One entry of the catalogue, as it shows in the log, Sentry, Flower, the command line and the README."""

    code: str
    title: str
    message: str
    cause: str
    resolution: str
    retried: Retried
    concerns: Concerns


def _catalogue() -> dict[str, Entry]:
    texts = tomllib.loads(files(__package__).joinpath("errors.toml").read_text(encoding="utf-8"))
    return {
        code: Entry(code, **text | {"retried": Retried(text["retried"]), "concerns": Concerns(text["concerns"])})
        for code, text in texts.items()
    }


CATALOGUE = _catalogue()
"""Every entry by its code, in the order of `errors.toml`, which holds the texts."""


@dataclass(frozen=True)
class Failure:
    """One error that happened, as the ledger keeps it: the code, the HTTP status and the masked detail."""

    code: str
    http_status: int | None = None
    detail: str = ""

    @property
    def entry(self) -> Entry:
        """The catalogue's entry; a code that an older version wrote reads as an internal error."""
        return CATALOGUE.get(self.code, InternalError.entry)

    @property
    def message(self) -> str:
        """The entry's message with the HTTP status and the API's own words behind it."""
        status = f"HTTP {self.http_status}" if self.http_status else ""
        return " ".join(filter(None, [self.entry.message, ": ".join(filter(None, [status, self.detail]))]))

    def as_json(self) -> dict[str, str | int | None]:
        """The `error` object of the command line's JSON."""
        return {
            "code": self.code,
            "title": self.entry.title,
            "message": self.message,
            "cause": self.entry.cause,
            "resolution": self.entry.resolution,
            "http_status": self.http_status,
        }


class SyncError(Exception):
    """An error of the catalogue. `detail` must hold no personal data: it goes to the ledger, the logs and Sentry."""

    entry: ClassVar[Entry]

    def __init__(self, detail: str = "", *, http_status: int | None = None, retry_after: float | None = None) -> None:
        self.failure = Failure(self.entry.code, http_status, detail)
        self.retry_after = retry_after
        super().__init__(detail)

    def __str__(self) -> str:
        return f"{self.entry.code}: {self.failure.message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @property
    def is_transient(self) -> bool:
        """Whether trying again later can help, without anybody changing anything."""
        if self.entry.retried is not Retried.BY_STATUS:
            return self.entry.retried is Retried.ALWAYS
        return self.failure.http_status is None or self.failure.http_status in TRANSIENT_STATUSES


# What a trigger or a command can get wrong --------------------------------------------------------------------------


class TriggerMalformed(SyncError):
    """The trigger, or one notification of it, can't be read."""

    entry = CATALOGUE["trigger-malformed"]


class CustomerIdInvalid(SyncError):
    """The customer id is not an iPaaS.com Customer ID."""

    entry = CATALOGUE["customer-id-invalid"]


class ConnectionUnknown(SyncError):
    """No connection has this system id."""

    entry = CATALOGUE["connection-unknown"]


class ScopeUnsupported(SyncError):
    """The trigger asks for something that this integration doesn't do, such as a delete."""

    entry = CATALOGUE["scope-unsupported"]


class TriggerOff(SyncError):
    """The trigger is switched off for the connection: noted, and nothing is done."""

    entry = CATALOGUE["trigger-off"]


# What iPaaS.com can answer ------------------------------------------------------------------------------------------


class CustomerNotFound(SyncError):
    """iPaaS.com has no customer with this id."""

    entry = CATALOGUE["customer-not-found"]


class IPaaSCredentialsRefused(SyncError):
    """iPaaS.com answered 401 or 403."""

    entry = CATALOGUE["ipaas-credentials-refused"]


class IPaaSReadFailed(SyncError):
    """iPaaS.com answered a read with an error."""

    entry = CATALOGUE["ipaas-read-failed"]


class IPaaSUnreachable(SyncError):
    """iPaaS.com did not answer."""

    entry = CATALOGUE["ipaas-unreachable"]


class LinkNotRecorded(SyncError):
    """The external id could not be recorded in iPaaS.com after the customer was written."""

    entry = CATALOGUE["link-not-recorded"]


# What the mapping can find ------------------------------------------------------------------------------------------


class EmailMissing(SyncError):
    """The customer has no e-mail address."""

    entry = CATALOGUE["email-missing"]


class RequiredFieldEmpty(SyncError):
    """A mapping row of level `required` finds an empty source field."""

    entry = CATALOGUE["required-field-empty"]


class SubscriptionValueInvalid(SyncError):
    """The source field of IsSubscribed holds neither true nor false."""

    entry = CATALOGUE["subscription-value-invalid"]


# What Stamped.io can answer -----------------------------------------------------------------------------------------


class CustomerWriteFailed(SyncError):
    """Stamped.io answered a create or update with an error (specification: error messages, first entry)."""

    entry = CATALOGUE["customer-write-failed"]


class SubscriptionFailed(SyncError):
    """Stamped.io answered subscribe or unsubscribe with an error (specification: error messages, second entry)."""

    entry = CATALOGUE["subscription-failed"]


class StampedCredentialsRefused(SyncError):
    """Stamped.io answered a read with 401 or 403."""

    entry = CATALOGUE["stamped-credentials-refused"]


class StampedReadFailed(SyncError):
    """Stamped.io answered a read with an error."""

    entry = CATALOGUE["stamped-read-failed"]


class StampedUnreachable(SyncError):
    """Stamped.io did not answer."""

    entry = CATALOGUE["stamped-unreachable"]


class StampedIdUnknown(SyncError):
    """Stamped.io accepted a create without naming the customer's id, and a search by e-mail did not settle it."""

    entry = CATALOGUE["stamped-id-unknown"]


class StampedCustomerGone(SyncError):
    """The linked Stamped.io customer no longer exists when its subscription is reconciled."""

    entry = CATALOGUE["stamped-customer-gone"]


# What either API, or the worker itself, can do ----------------------------------------------------------------------


class HostNotFound(SyncError):
    """The host name of an API can't be resolved."""

    entry = CATALOGUE["host-not-found"]


class AnswerUnreadable(SyncError):
    """An API answered with something else than the contract's JSON."""

    entry = CATALOGUE["answer-unreadable"]


class LedgerUnavailable(SyncError):
    """Redis does not answer. Nothing is lost: what was not written down was never answered for."""

    entry = CATALOGUE["redis-unavailable"]


class WorkerLost(SyncError):
    """Workers died again and again while they ran this job."""

    entry = CATALOGUE["worker-lost"]


class InternalError(SyncError):
    """A fault of this software."""

    entry = CATALOGUE["internal-error"]
