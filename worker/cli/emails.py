"""Looks up e-mail addresses that a command gets in place of ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.by_hand.emails import LookUp
from worker.presentation.wording import counted
from worker.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.presentation.ids import Email, LookedUp
    from worker.presentation.screen import Screen


def look_up(screen: Screen, emails: Sequence[Email], system_id: int, runtime: Runtime | None = None) -> LookedUp:
    """Look addresses up in iPaaS.com for a connection. Raises what `LookUp.run` raises."""
    look_up = LookUp(runtime or Runtime.build(), system_id, emails)
    with screen.busy(f"Looking up {counted(len(emails), 'e-mail address', 'e-mail addresses')} in iPaaS.com"):
        return look_up.run()
