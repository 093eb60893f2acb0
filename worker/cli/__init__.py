"""The command line `stamped-sync`: one file per command, imported only when that command is run."""

from __future__ import annotations

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the command that the arguments name, and end with its exit code."""
    gc.disable()  # until the command runs: nothing that is imported is garbage, and looking for some takes long
    # Signals are handled before anything else is imported: Ctrl-C during an import would print a traceback.
    from worker.cli.signals import Signals  # noqa: PLC0415

    signals = Signals()
    signals.leave_at_once()

    from worker.cli.ending import ended, show_warnings_alone, watch_output  # noqa: PLC0415
    from worker.cli.menu import menu  # noqa: PLC0415

    watch_output()
    show_warnings_alone()
    code = ended(lambda: menu.main(prog_name="stamped-sync", standalone_mode=False, obj=signals), signals)
    raise SystemExit(code)
