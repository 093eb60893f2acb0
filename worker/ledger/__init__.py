"""The ledger: the record of jobs in Redis."""

from redis import RedisError

from worker.errors import LedgerRefuses, LedgerUnavailable
from worker.ledger.connection import connect
from worker.ledger.ledger import Ledger
from worker.ledger.records import (
    Claim,
    ClaimLost,
    ClaimRefused,
    Counts,
    Ended,
    Hold,
    Message,
    Record,
    Refusal,
    Request,
    Requested,
    State,
    Swept,
    Throttled,
    Weighed,
    Weight,
)
from worker.ledger.refusals import ScriptFailed
from worker.ledger.terms import Limit, StoreTerms, Terms

__all__ = [
    "Claim",
    "ClaimLost",
    "ClaimRefused",
    "Counts",
    "Ended",
    "Hold",
    "Ledger",
    "LedgerRefuses",
    "LedgerUnavailable",
    "Limit",
    "Message",
    "Record",
    "RedisError",
    "Refusal",
    "Request",
    "Requested",
    "ScriptFailed",
    "State",
    "StoreTerms",
    "Swept",
    "Terms",
    "Throttled",
    "Weighed",
    "Weight",
    "connect",
]
