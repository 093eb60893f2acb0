"""Both APIs as one small server in memory, for a try without credentials, for demonstrations and for tests."""
