"""The command line `stamped-sync`: a file for each command, which is imported only when that command is run."""

from __future__ import annotations

import sys
from typing import NoReturn

from worker.cli.ending import ended
from worker.cli.menu import menu
from worker.cli.output import watch_output


def main() -> NoReturn:
    """Run the command that the arguments name, and end with its exit code."""
    watch_output()
    if reconfigure := getattr(sys.stderr, "reconfigure", None):
        reconfigure(errors="replace")  # a sign that this terminal has not is no reason to stop
    sys.exit(ended(lambda: menu.main(prog_name="stamped-sync", standalone_mode=False)))
