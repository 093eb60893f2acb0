"""The errors of the catalogue, as they are raised.

An error class carries its catalogue entry; an error instance adds the HTTP status and what the API said of it, with
personal data already masked. Nothing else in the software decides by an error's text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from worker.jobs.catalogue import CATALOGUE, INTENTS, Failure
from worker.jobs.intents import Intent

if TYPE_CHECKING:
    from worker.jobs.catalogue import Entry
    from worker.jobs.intents import Trouble


class SyncError(Exception):
    """An error of the catalogue. `detail` must hold no personal data: it goes to the ledger, the logs and Sentry.

    `intent` and `trouble` say what the answer meant that it was raised for; without an answer, the entry says it.
    `retry_after` is in seconds.
    """

    entry: ClassVar[Entry]
    meant: ClassVar[Intent | None] = None
    """What it always means, where the entry does not say it."""
    is_of_absence: ClassVar[bool] = False
    """Whether it says that a record is not there, which can be true for ever."""

    def __init__(
        self,
        detail: str = "",
        *,
        http_status: int | None = None,
        retry_after: float | None = None,
        intent: Intent | None = None,
        trouble: Trouble | None = None,
    ) -> None:
        self.failure = Failure(self.entry.code, http_status, detail)
        self.retry_after = retry_after
        self.intent = intent or self.meant or INTENTS[self.entry.retried]
        self.trouble = trouble
        super().__init__(detail)

    def __str__(self) -> str:
        return f"{self.entry.code}: {self.failure.message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def error_fields(error: SyncError) -> dict[str, Any]:
    """The fields of a log line about an error."""
    return {"code": error.entry.code, "http_status": error.failure.http_status}


def error_help(error: SyncError) -> dict[str, str]:
    """The fields of a log line about an error that somebody should act on."""
    return {"cause": error.entry.cause, "resolution": error.entry.resolution}


# What a trigger or a command can get wrong --------------------------------------------------------------------------


class NotAccepted(SyncError):
    """A notification, or a message of a task, is refused for this: there is no job for it."""


class TriggerMalformed(NotAccepted):
    """The trigger, or one notification of it, can't be read."""

    entry = CATALOGUE["trigger-malformed"]


class CustomerIdInvalid(NotAccepted):
    """The customer id is not an iPaaS.com Customer ID."""

    entry = CATALOGUE["customer-id-invalid"]


class ConnectionUnknown(NotAccepted):
    """No connection has this system id."""

    entry = CATALOGUE["connection-unknown"]


class ScopeUnsupported(NotAccepted):
    """The trigger asks for something that this integration doesn't do, such as a delete."""

    entry = CATALOGUE["scope-unsupported"]


class TriggerOff(NotAccepted):
    """The trigger is switched off for the connection: noted, and nothing is done."""

    entry = CATALOGUE["trigger-off"]


# What iPaaS.com can answer ------------------------------------------------------------------------------------------


class CustomerNotFound(SyncError):
    """iPaaS.com has no customer with this id."""

    entry = CATALOGUE["customer-not-found"]
    is_of_absence = True


class IPaaSCredentialsRefused(SyncError):
    """iPaaS.com answered 401 or 403."""

    entry = CATALOGUE["ipaas-credentials-refused"]


class IPaaSReadFailed(SyncError):
    """iPaaS.com answered a read with an error."""

    entry = CATALOGUE["ipaas-read-failed"]


class IPaaSUnreachable(SyncError):
    """iPaaS.com did not answer."""

    entry = CATALOGUE["ipaas-unreachable"]


class IPaaSUnavailable(SyncError):
    """iPaaS.com answers every call with a server error: what its connection is held for."""

    entry = CATALOGUE["ipaas-unavailable"]


class IPaaSCallsLimited(SyncError):
    """iPaaS.com answers 429: what its connection is held for."""

    entry = CATALOGUE["ipaas-calls-limited"]


class IPaaSSystemRefused(SyncError):
    """iPaaS.com does not know the connection's system id."""

    entry = CATALOGUE["ipaas-system-refused"]


class LinkNotRecorded(SyncError):
    """The external id could not be recorded in iPaaS.com after the customer was written."""

    entry = CATALOGUE["link-not-recorded"]


# What the mapping can find ------------------------------------------------------------------------------------------


class EmailMissing(SyncError):
    """The customer has no e-mail address."""

    entry = CATALOGUE["email-missing"]


class EmailInvalid(SyncError):
    """The customer's e-mail address holds what no address can hold."""

    entry = CATALOGUE["email-invalid"]


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


class StampedUnavailable(SyncError):
    """Stamped.io answers every call with a server error: what its connection is held for."""

    entry = CATALOGUE["stamped-unavailable"]


class StampedCallsLimited(SyncError):
    """Stamped.io answers 429: what its connection is held for."""

    entry = CATALOGUE["stamped-calls-limited"]


class StampedIdUnknown(SyncError):
    """Stamped.io accepted a create without naming the customer's id, and a search by e-mail did not settle it."""

    entry = CATALOGUE["stamped-id-unknown"]


class StampedCustomerGone(SyncError):
    """The linked Stamped.io customer no longer exists when its subscription is reconciled."""

    entry = CATALOGUE["stamped-customer-gone"]
    is_of_absence = True


# What either API, or the worker itself, can do ----------------------------------------------------------------------


class HostNotFound(SyncError):
    """The host name of an API can't be resolved."""

    entry = CATALOGUE["host-not-found"]


class AnswerUnreadable(SyncError):
    """An API answered with something else than the contract's JSON, or of another record than the one asked for."""

    entry = CATALOGUE["answer-unreadable"]


class ConnectionHeld(SyncError):
    """A read that belongs to no job is not made while its connection is held."""

    entry = CATALOGUE["connection-held"]


class ThrottleUsedUp(SyncError):
    """A read that belongs to no job found no slot of the throttle while somebody waited for it."""

    entry = CATALOGUE["throttle-used-up"]


class LedgerUnavailable(SyncError):
    """Redis does not answer. Nothing is lost: what was not written down was never answered for."""

    entry = CATALOGUE["redis-unavailable"]


class LedgerRefuses(LedgerUnavailable):
    """Redis answers, but refuses what it is asked for: its detail says why, and what to do."""

    entry = CATALOGUE["redis-refuses"]


class WorkerLost(SyncError):
    """Workers died again and again while they ran this job."""

    entry = CATALOGUE["worker-lost"]
    meant = Intent.OURS


class InternalError(SyncError):
    """A fault of this software."""

    entry = CATALOGUE["internal-error"]
    meant = Intent.OURS
