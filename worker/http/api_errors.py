"""Which error of the catalogue an answer becomes: for the job that met it, and for the hold of its connection.

The two can differ: if a write is refused because of a revoked key, the job has the specification's entry for a failed
write, while the hold names the key as what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.jobs.calls import Api
from worker.jobs.errors import (
    AnswerUnreadable,
    HostNotFound,
    IPaaSCallsLimited,
    IPaaSCredentialsRefused,
    IPaaSSystemRefused,
    IPaaSUnavailable,
    IPaaSUnreachable,
    StampedCallsLimited,
    StampedCredentialsRefused,
    StampedUnavailable,
    StampedUnreachable,
    SubscriptionIncomplete,
    SyncError,
)
from worker.jobs.intents import Trouble
from worker.telemetry.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.http.answers import Answer

NOT_READ: Final = (Trouble.SILENT, Trouble.UNRESOLVED, Trouble.UNREADABLE)


@dataclass(frozen=True)
class ApiErrors:
    """The errors of one API that concern the whole store, by its trouble."""

    of: Mapping[Trouble, type[SyncError]]

    def of_read(self, answer: Answer, kind: type[SyncError], values: Iterable[str] = ()) -> SyncError:
        """The error of a read that was not accepted: `kind`, unless the credentials or the system id were refused."""
        if answer.trouble in {Trouble.CREDENTIALS, Trouble.SYSTEM}:
            return error_of(self.of[answer.trouble], answer, values)
        return self.of_write(answer, kind, values)

    def of_write(self, answer: Answer, kind: type[SyncError], values: Iterable[str] = ()) -> SyncError:
        """The error of a write that was not accepted: `kind`, unless no answer came or a success was unreadable."""
        if answer.trouble in NOT_READ and not answer.is_error_status:
            return error_of(self.of[answer.trouble], answer, values)
        return error_of(kind, answer, values)

    def of_hold(self, error: SyncError) -> SyncError:
        """The error that the connection's hold names, if a job met `error`."""
        kind = self.of.get(error.trouble) if error.trouble else None
        if kind is None or isinstance(error, kind):
            return error
        return kind(
            error.failure.detail,
            http_status=error.failure.http_status,
            retry_after=error.retry_after,
            intent=error.intent,
            trouble=error.trouble,
        )


IPAAS: Final = ApiErrors(
    {
        Trouble.SILENT: IPaaSUnreachable,
        Trouble.UNRESOLVED: HostNotFound,
        Trouble.CREDENTIALS: IPaaSCredentialsRefused,
        Trouble.SYSTEM: IPaaSSystemRefused,
        Trouble.SETTINGS: SubscriptionIncomplete,
        Trouble.LIMITED: IPaaSCallsLimited,
        Trouble.UNAVAILABLE: IPaaSUnavailable,
        Trouble.UNREADABLE: AnswerUnreadable,
    }
)
STAMPED: Final = ApiErrors(
    {
        Trouble.SILENT: StampedUnreachable,
        Trouble.UNRESOLVED: HostNotFound,
        Trouble.CREDENTIALS: StampedCredentialsRefused,
        Trouble.LIMITED: StampedCallsLimited,
        Trouble.UNAVAILABLE: StampedUnavailable,
        Trouble.UNREADABLE: AnswerUnreadable,
    }
)


def error_of(kind: type[SyncError], answer: Answer, values: Iterable[str] = ()) -> SyncError:
    """An error of this kind, with what the answer says and means; the `values` are masked in what it says."""
    return kind(
        masked(answer.words, values),
        http_status=answer.status,
        retry_after=answer.retry_after,
        intent=answer.intent,
        trouble=answer.trouble,
    )


HELD_FOR: Final = {Api.IPAAS: IPAAS, Api.STAMPED: STAMPED}
"""The errors of each API, by the name under which its calls are noted."""
