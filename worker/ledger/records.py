"""What the ledger answers: plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.jobs.catalogue import Failure
from worker.jobs.errors import SenderUnknown
from worker.jobs.job import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.jobs.job import Job


class ClaimRefused(Exception):
    """The job can't be claimed now: another worker runs it, or there is nothing to do. The state says which."""

    def __init__(self, state: str) -> None:
        self.state = state
        super().__init__(state)

    @property
    def is_unknown(self) -> bool:
        """Whether the ledger holds no such job."""
        return self.state == "unknown"


class ClaimLost(Exception):
    """The claim was lost: its lease ran out and the job is another worker's. Nothing more may be written."""


class Throttled(Exception):
    """The store's throttle has no room for another call of this job now; the job waits for its turn again."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What followed the end of a claim."""

    hold_ended: bool = False
    """Whether the store's hold ended with it."""
    is_requeued: bool = False
    """Whether the job waits for its turn again instead: it was asked for once more meanwhile."""
    is_news: bool = False
    """Whether the job has not failed so since somebody last asked for it."""
    next_claim: Claim | None = None
    """The job with which this worker carries on, of any store."""


class Weight(StrEnum):
    """What trouble of a whole store means for the job that met it."""

    REQUEUED = "requeued"
    """It waits in its store's queue again."""
    RESTS = "rests"
    """It must rest, at no cost: it alone met the trouble so far."""
    OWN = "own"
    """It must use up an attempt: the same call was answered well for others meanwhile."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What became of a job that met trouble of its whole store."""

    weight: Weight
    hold_began: bool
    hold_ended: bool
    """Whether the other API's hold ended: an earlier call of the job was answered well."""
    met: int
    """How often in a row the job has met trouble."""

    @property
    def is_requeued(self) -> bool:
        """Whether the job waits for its turn again, and its claim has ended."""
        return self.weight is Weight.REQUEUED


def run_by(name: str) -> tuple[str, str]:
    """The worker, and the fingerprint of its configuration: see `_by` in `worker.ledger.ledger`."""
    worker, _, configuration = name.partition(" ")
    return worker, configuration


class CarryOn(StrEnum):
    """What the step that ends a job grants to the thread that ran it."""

    NOT = ""
    """Nothing."""
    STORE = "store"
    """The store's next job; the oldest message's, if the store has none that may run."""
    OTHERS = "others"
    """The oldest message's job; the store's next one, if no message waits."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is this worker's until its lease runs out."""

    job: Job
    token: str
    version: int
    attempt: int
    """Attempts that failed before this one."""
    tracking_guid: str
    debug: bool
    stamped_id: str | None
    covered: dict[str, int]
    """How many calls of each API the throttle covers; an API that is not in it has no limit."""
    is_triggered: bool = False
    """Whether a trigger asked for it last, so that iPaaS.com may not show the customer yet."""
    is_new: bool = False
    """Whether the customer is new in Stamped.io, and has not been subscribed yet: it can't have unsubscribed."""
    created: str = ""
    """Of a customer job: the Stamped.io customer that an earlier run has created, without coming to its end."""
    is_fresh: bool = False
    """Of a subscription job: whether its transfer was a moment ago, so that neither API may show the customer yet."""
    message_id: str = ""
    """Of a claim that a worker carries on with: the id of the message that was taken for it, if there was one."""
    fingerprint: str = ""
    """Of the configuration that the job is run by; empty for that of the ledger."""


@dataclass(frozen=True, slots=True)
class Record:
    """A job as the ledger holds it. Times are of Redis' clock, in UTC."""

    job: Job
    state: State
    wanted: int
    settled: int
    attempt: int
    action: str | None
    stamped_id: str | None
    failure: Failure | None
    tracking_guid: str | None
    requested_at: datetime | None
    changed_at: datetime | None
    due: datetime | None
    subscription_version: int
    """The version of the subscription job that this customer job asked for; 0 if it asked for none."""
    shared_with: str | None = None
    """Another iPaaS.com customer that is linked to the same Stamped.io customer."""
    met: int = 0
    """How often in a row it has met trouble of its whole store, which costs no attempt."""

    @classmethod
    def read(cls, job: Job, fields: Mapping[str, str]) -> Record | None:
        """The record in a job's hash, or None if the ledger holds no such job."""
        if "state" not in fields:
            return None
        state = State(fields["state"])
        has_failed = state in {State.WAITING, State.FAILED} and "error" in fields
        return cls(
            job=job,
            state=state,
            wanted=int(fields.get("wanted", 0)),
            settled=int(fields.get("settled", 0)),
            attempt=int(fields.get("attempt", 0)),
            action=fields.get("action") if state is State.DONE else None,
            stamped_id=fields.get("stamped_id"),
            failure=Failure(**json.loads(fields["error"])) if has_failed else None,
            tracking_guid=fields.get("tracking_guid"),
            requested_at=moment(fields.get("requested_at")),
            changed_at=moment(fields.get("changed_at")),
            due=moment(fields.get("due")),
            subscription_version=int(fields.get("next_version", 0)),
            shared_with=fields.get("shared_with"),
            met=int(fields.get("met", 0)),
        )

    @property
    def code(self) -> str:
        """The code of its error; empty if it has none."""
        return self.failure.code if self.failure else ""

    def has_settled(self, version: int) -> bool:
        """Whether the run that was asked for as `version` has ended, well or badly.

        A job that was discarded and requested anew counts from 1 again: a later version than it wants never comes.
        """
        return self.settled >= min(version, self.wanted) and self.state in {State.DONE, State.FAILED}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A notification that was not accepted, as an operator sees it."""

    code: str
    detail: str
    trigger_id: str
    position: int
    """Which notification of the trigger, from 1; 0 if it is none: then the id is the name of a task, or empty."""
    system_id: str
    scope: str
    customer_id: str
    at: datetime | None = None
    id: str = ""
    """Tells two that are alike apart."""
    kept_as: str = field(default="", compare=False)
    """The entry that it is kept as."""

    @property
    def failure(self) -> Failure:
        """The catalogue's entry with this refusal's detail."""
        return Failure(self.code, detail=self.detail)

    @property
    def place(self) -> str:
        """What was refused, in words."""
        if not self.position:
            if self.trigger_id:
                return f"message of {self.trigger_id}"
            is_strange = self.code == SenderUnknown.entry.code
            return "a trigger of an unknown sender" if is_strange else "a trigger that cannot be read"
        trigger = f"trigger {self.trigger_id}" if self.trigger_id else "a trigger without id"
        return f"notification {self.position} of {trigger}"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs there are of one kind in each state."""

    queued: int
    sent: int
    running: int
    waiting: int
    done: int
    failed: int


def moment(milliseconds: str | float | None) -> datetime | None:
    """The time of a count of milliseconds since 1970."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC) if milliseconds else None
