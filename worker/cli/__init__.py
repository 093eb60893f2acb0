"""The command line `stamped-sync`: a file for each command, which is imported only when that command is run."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the arguments name, and end with its exit code."""
    # Nothing is imported before signals are heeded: Ctrl-C would meet it with a traceback.
    from worker.cli.signals import heed_signals  # noqa: PLC0415

    signals = heed_signals()

    from worker.cli.ending import ended, show_warnings_alone  # noqa: PLC0415
    from worker.cli.menu import menu  # noqa: PLC0415
    from worker.cli.output import watch_output  # noqa: PLC0415

    watch_output()
    show_warnings_alone()
    code = ended(lambda: menu.main(prog_name="stamped-sync", standalone_mode=False, obj=signals), signals)
    raise SystemExit(code)
