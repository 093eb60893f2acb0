"""The ledger: the record of jobs in Redis."""

from worker.errors import LedgerUnavailable
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
)
from worker.ledger.scripting import LedgerRefuses, connect
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
    "Refusal",
    "Request",
    "Requested",
    "State",
    "StoreTerms",
    "Swept",
    "Terms",
    "Throttled",
    "connect",
]
