"""What operators see of the ledger: its jobs, and where every store stands."""
