"""Proofs with real processes: `make prove` runs the long ones, `make test` a short version of each."""
