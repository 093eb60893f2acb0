"""Everything on one machine, for real use: what `stamped-sync up` runs."""
