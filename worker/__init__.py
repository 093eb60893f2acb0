"""What the tasks use: configuration, mapping, the two API clients, the ledger and the tools around them."""
