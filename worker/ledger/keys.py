"""Every name in the ledger's keys; the scripts' pieces describe what stands under each.

A key is PREFIX, a name and what it is of, joined by colons. The scripts get PREFIX, and make up the same keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.jobs.job import Job

if TYPE_CHECKING:
    from worker.jobs.job import Kind

PREFIX: Final = "stamped-sync:"

# Of the whole ledger.
SYSTEMS: Final = f"{PREFIX}systems"
TOTALS: Final = f"{PREFIX}totals"
DONE_AT: Final = f"{PREFIX}done-at"
"""When what any worker does every so often was done last, by name."""
PROCESSES: Final = f"{PREFIX}processes"
DUE: Final = f"{PREFIX}due"
"""The stores that the pump must look at, by when."""
LIMITS: Final = f"{PREFIX}limits"
"""A hash of the limits that iPaaS.com subscriptions set, by system id: see `NotedLimits`."""
PAUSED: Final = f"{PREFIX}paused"
"""A hash of the stores that a person has paused, by system id: see `Hold.of_pause`."""
NOTES: Final = f"{PREFIX}notes"
"""A hash of what people noted of groups of failed jobs, by kind, system id and code: see `GroupNote`."""
REFUSALS: Final = f"{PREFIX}refusals"
SWITCHED_OFF: Final = f"{PREFIX}switched-off"
REFUSAL_LISTS: Final = (REFUSALS, SWITCHED_OFF)
"""The sorted sets of the refused notifications that are kept; those of switched-off triggers stand apart."""

# Of a kind and what follows it. The list of a state has the state's name.
JOB: Final = "job"  # member
HISTORY: Final = "history"  # member
RECENT: Final = "recent"  # system id
CODE: Final = "code"  # system id, code
CODES: Final = "codes"
LAST_DONE: Final = "last_done"

# Of a store.
HOLD: Final = "hold"
ADMITTED: Final = "admitted"
SLOTS: Final = "slots"  # behind the API
INITIALIZE: Final = "initialize"  # selection, and in front of whom it has met: MET, run, last digits
MET: Final = "met"


def of(name: str, *parts: object) -> str:
    """The key with a name, of what the parts say."""
    return PREFIX + ":".join([name, *map(str, parts)])


def member_of(job: Job) -> str:
    """A job's name in its lists."""
    return f"{job.system_id}:{job.customer_id}"


def job_of(kind: Kind, member: str) -> Job:
    """The job with that name in a list."""
    system_id, customer_id = member.split(":")
    return Job(kind, int(system_id), customer_id)


def row_of(job: Job) -> str:
    """A job's hash."""
    return of(JOB, job.kind, member_of(job))
