"""Proves that a Redis is fit to keep the ledger."""
