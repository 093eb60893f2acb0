"""What the worker stands on: configuration, mapping, the two API clients, the ledger and the tools around them."""
