"""Everything on one machine: the parts that `demo`, `up` and the tests start."""
