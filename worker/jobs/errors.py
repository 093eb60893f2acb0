"""The errors of the catalogue, as they are raised, grouped by what happens next.

An error's class holds its catalogue entry; the error itself adds the HTTP status and the API's own words, with personal
data already masked. No code decides anything by an error's text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from worker.jobs.catalogue import CATALOGUE, Failure
from worker.jobs.intents import Intent, Retried

if TYPE_CHECKING:
    from worker.jobs.catalogue import Entry
    from worker.jobs.intents import Trouble

KINDS: Final[dict[str, type[SyncError]]] = {}
"""The class of each error, by its code."""


class SyncError(Exception):
    """An error of the catalogue. `detail` must hold no personal data: it goes to the ledger, the logs and Sentry.

    `intent` and `trouble` say what the answer meant for which it was raised; if there was no answer, the error has the
    intent of its group.
    `retry_after` is in seconds.
    """

    entry: ClassVar[Entry]
    retried: ClassVar[Retried] = Retried.NEVER
    is_of_absence: ClassVar[bool] = False
    """Whether it says that a record does not exist, which may stay true for ever."""
    intent: Intent

    def __init_subclass__(cls, code: str = "") -> None:
        """Give an error its catalogue entry; a group has none."""
        if code:
            cls.entry = CATALOGUE[code]
            KINDS[code] = cls

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
        self.intent = intent or type(self).intent
        self.trouble = trouble
        super().__init__(detail)

    def __str__(self) -> str:
        return f"{self.entry.code}: {self.failure.message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def error_fields(error: SyncError) -> dict[str, Any]:
    """The fields of a log line about an error."""
    return {"code": error.entry.code, "http_status": error.failure.http_status}


# Tried again for as long as it lasts ----------------------------------------------------------------------------------


class AsLongAsItLasts(SyncError):
    """It would meet any customer: it is tried again for as long as it lasts."""

    intent = Intent.STORES
    retried = Retried.ALWAYS


class IPaaSUnreachable(AsLongAsItLasts, code="ipaas-unreachable"):
    """iPaaS.com did not answer."""


class IPaaSUnavailable(AsLongAsItLasts, code="ipaas-unavailable"):
    """iPaaS.com answers every call with a server error, so the connection is held."""


class IPaaSCallsLimited(AsLongAsItLasts, code="ipaas-calls-limited"):
    """iPaaS.com answers 429, so the connection is held."""


class StampedUnreachable(AsLongAsItLasts, code="stamped-unreachable"):
    """Stamped.io did not answer."""


class StampedUnavailable(AsLongAsItLasts, code="stamped-unavailable"):
    """Stamped.io answers every call with a server error, so the connection is held."""


class StampedCallsLimited(AsLongAsItLasts, code="stamped-calls-limited"):
    """Stamped.io answers 429, so the connection is held."""


class HostNotFound(AsLongAsItLasts, code="host-not-found"):
    """The host name of an API can't be resolved."""


class AnswerUnreadable(AsLongAsItLasts, code="answer-unreadable"):
    """An API answered with something other than the contract's JSON, or about another record than the one asked for."""


class ConnectionHeld(AsLongAsItLasts, code="connection-held"):
    """A read that belongs to no job was not made, because its connection is held."""


class ConnectionPaused(AsLongAsItLasts, code="connection-paused"):
    """A person has paused the connection."""


class ThrottleUsedUp(AsLongAsItLasts, code="throttle-used-up"):
    """A read that belongs to no job got no slot of the throttle for as long as somebody waited for it."""


class LedgerUnavailable(AsLongAsItLasts, code="redis-unavailable"):
    """Redis does not answer. Nothing is lost: nobody is told that a job is accepted before the ledger holds it."""


class LedgerRefuses(LedgerUnavailable, code="redis-refuses"):
    """Redis answers with a refusal. The error's detail says why, and what to do about it."""


# Tried again once a person has fixed it -------------------------------------------------------------------------------


class UntilPutRight(SyncError):
    """It would meet any customer until a person fixes it: the connection is held, and one job at a time tries it."""

    intent = Intent.STORES
    retried = Retried.HELD


class IPaaSCredentialsRefused(UntilPutRight, code="ipaas-credentials-refused"):
    """iPaaS.com answered 401 or 403."""


class IPaaSSystemRefused(UntilPutRight, code="ipaas-system-refused"):
    """iPaaS.com does not know the connection's system id."""


class SubscriptionIncomplete(UntilPutRight, code="subscription-incomplete"):
    """The iPaaS.com subscription lacks a setting that the connection is to take from it, or has a wrong one."""


class StampedCredentialsRefused(UntilPutRight, code="stamped-credentials-refused"):
    """Stamped.io answered a read with 401 or 403."""


# What follows depends on the answer -----------------------------------------------------------------------------------


class AsAnswered(SyncError):
    """The API's answer says whether it refuses this one customer or would meet any customer."""

    intent = Intent.CUSTOMERS
    retried = Retried.BY_ANSWER


class IPaaSReadFailed(AsAnswered, code="ipaas-read-failed"):
    """iPaaS.com answered a read with an error."""


class LinkNotRecorded(AsAnswered, code="link-not-recorded"):
    """The external id could not be recorded in iPaaS.com after the customer was written."""


class CustomerWriteFailed(AsAnswered, code="customer-write-failed"):
    """Stamped.io answered a create or update with an error (specification: error messages, first entry)."""


class SubscriptionFailed(AsAnswered, code="subscription-failed"):
    """Stamped.io answered subscribe or unsubscribe with an error (specification: error messages, second entry)."""


class StampedReadFailed(AsAnswered, code="stamped-read-failed"):
    """Stamped.io answered a read with an error."""


# Tried again for some minutes -----------------------------------------------------------------------------------------


class NotYet(SyncError):
    """A short delay may explain it, so it is tried again for some minutes."""

    intent = Intent.NOT_YET
    retried = Retried.SOON


class CustomerNotFound(NotYet, code="customer-not-found"):
    """iPaaS.com has no customer with this id."""

    is_of_absence = True


class StampedIdUnknown(NotYet, code="stamped-id-unknown"):
    """Stamped.io accepted a create without naming the customer's id, and a search by e-mail did not settle it."""


class StampedCustomerGone(NotYet, code="stamped-customer-gone"):
    """The linked Stamped.io customer no longer exists when its subscription is reconciled."""

    is_of_absence = True


# Never retried automatically ------------------------------------------------------------------------------------------


class AtOnce(SyncError):
    """Another try would change nothing, so the job, trigger or message fails at once."""

    intent = Intent.CUSTOMERS


class EmailMissing(AtOnce, code="email-missing"):
    """The customer has no e-mail address."""


class EmailInvalid(AtOnce, code="email-invalid"):
    """The customer's e-mail address holds something that no e-mail address can hold."""


class RequiredFieldEmpty(AtOnce, code="required-field-empty"):
    """A mapping row of level `required` finds an empty source field."""


class ValueNotTranslated(AtOnce, code="value-not-translated"):
    """A row's `translate` does not name what its source holds, and there is no `otherwise`."""


class SubscriptionValueInvalid(AtOnce, code="subscription-value-invalid"):
    """The source of IsSubscribed holds neither true nor false, nor what the row translates into one of them."""


class NotAccepted(AtOnce):
    """A notification or a message that never becomes a job."""


class TriggerMalformed(NotAccepted, code="trigger-malformed"):
    """The trigger, or one notification of it, can't be read."""


class SenderUnknown(NotAccepted, code="sender-unknown"):
    """A trigger came by HTTP without a token that is known here."""


class TaskUnknown(NotAccepted, code="task-unknown"):
    """A message asks for a task that there is not."""


class CustomerIdInvalid(NotAccepted, code="customer-id-invalid"):
    """The customer id is not an iPaaS.com Customer ID."""


class ConnectionUnknown(NotAccepted, code="connection-unknown"):
    """No connection has this system id."""


class ScopeUnsupported(NotAccepted, code="scope-unsupported"):
    """The trigger asks for something that this integration doesn't do, such as a delete."""


class TriggerOff(NotAccepted, code="trigger-off"):
    """The trigger is switched off for the connection. This is noted, and nothing else is done."""


# Ours -----------------------------------------------------------------------------------------------------------------


class Ours(SyncError):
    """A fault of this software or of its machine; never shown as an outage of Redis or of an API."""

    intent = Intent.OURS


class WorkerLost(Ours, code="worker-lost"):
    """Workers died again and again while they ran this job."""


class InternalError(Ours, code="internal-error"):
    """A fault of this software."""

    @classmethod
    def of(cls, error: Exception) -> Self:
        """The internal error for an exception that nobody foresaw. It names its kind and place, but not its text."""
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "unknown"
        return cls(f"{type(error).__name__} in {place}").with_traceback(error.__traceback__)
