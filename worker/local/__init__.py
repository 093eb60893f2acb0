"""Everything on one machine: the processes that `demo`, `up` and the tests start."""
