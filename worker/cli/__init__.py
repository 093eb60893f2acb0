"""The command line `stamped-sync`: a file for each command, which is imported only when that command is run."""

from __future__ import annotations

import sys
from typing import NoReturn

from worker.cli.ending import ended
from worker.cli.menu import menu


def main() -> NoReturn:
    """Run the command that the arguments name, and end with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")  # a sign that this terminal has not is no reason to stop
    sys.exit(ended(lambda: menu.main(prog_name="stamped-sync", standalone_mode=False)))
