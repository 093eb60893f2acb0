"""Whether a connection whose keys were refused has others by now: in its files, or in its iPaaS.com subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.app import app
from worker.jobs.calls import Api

if TYPE_CHECKING:
    from worker.jobs.calls import MadeCall
    from worker.runtime import Apis, Runtime


def is_called_otherwise(system_id: int, runtime: Runtime, apis: Apis | None, calls: list[MadeCall]) -> bool:
    """Whether it has other keys or another address than those in `runtime` that were refused by the last of `calls`.

    The files are read anew at once, and so is the subscription. Raises ClaimLost and LedgerUnavailable.
    """
    app.reloader.look()
    if app.runtime.clients.get(system_id) is not runtime.clients.get(system_id):
        return True
    return apis is not None and has_other_keys(runtime, apis, calls)


def has_other_keys(runtime: Runtime, apis: Apis, calls: list[MadeCall]) -> bool:
    """Whether the subscription has other keys than those that Stamped.io has just refused: no hold is needed then.

    It is read again at once. Raises ClaimLost and LedgerUnavailable.
    """
    if not calls or calls[-1].api is not Api.STAMPED:
        return False
    refused = calls[-1]
    found = runtime.has_other_keys(apis)
    # The refused call is the last one again: what follows is about the store, and not about iPaaS.com.
    calls.remove(refused)
    calls.append(refused)
    return found
