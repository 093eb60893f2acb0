"""The ledger: the record of jobs in Redis."""

from worker.errors import LedgerUnavailable
from worker.ledger.ledger import Ledger, Terms
from worker.ledger.records import (
    Claim,
    ClaimLost,
    ClaimRefused,
    Counts,
    Record,
    Refusal,
    Requested,
    State,
)
from worker.ledger.scripting import LedgerRefuses, connect

__all__ = [
    "Claim",
    "ClaimLost",
    "ClaimRefused",
    "Counts",
    "Ledger",
    "LedgerRefuses",
    "LedgerUnavailable",
    "Record",
    "Refusal",
    "Requested",
    "State",
    "Terms",
    "connect",
]
