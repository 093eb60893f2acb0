"""The ledger's operations: one Lua script each, run atomically by Redis."""
