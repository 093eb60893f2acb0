"""The ledger: the record of jobs in Redis."""

from redis import RedisError

from worker.jobs.asking import Request
from worker.jobs.errors import LedgerRefuses, LedgerUnavailable
from worker.ledger.connection import connect
from worker.ledger.hold import Hold
from worker.ledger.ledger import Ledger
from worker.ledger.limits import LedgerTimes, Limit, StoreLimits
from worker.ledger.records import (
    Claim,
    ClaimLost,
    ClaimRefused,
    Counts,
    Ended,
    Record,
    Refusal,
    Throttled,
    Weighed,
    Weight,
)
from worker.ledger.redis_errors import ScriptFailed
from worker.ledger.upkeep import Swept

__all__ = [
    "Claim",
    "ClaimLost",
    "ClaimRefused",
    "Counts",
    "Ended",
    "Hold",
    "Ledger",
    "LedgerRefuses",
    "LedgerTimes",
    "LedgerUnavailable",
    "Limit",
    "Record",
    "RedisError",
    "Refusal",
    "Request",
    "ScriptFailed",
    "StoreLimits",
    "Swept",
    "Throttled",
    "Weighed",
    "Weight",
    "connect",
]
