"""`make bench`: this worker beside its peers and beside bare loops, on the same fake APIs."""
