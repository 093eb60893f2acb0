"""The memory of the ledger: every attempt that has ended, and every change by a person."""
