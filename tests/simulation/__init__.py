"""The simulation: the real tasks on the real ledger, among faults, in virtual time, from a seed."""
