"""`python -m worker.cli` is `stamped-sync`."""

from worker.cli import main

main()
