"""Whether a connection that met trouble is called otherwise by now: by its files, or by its iPaaS.com subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.app import app
from worker.connections import is_called_otherwise
from worker.jobs.calls import Api
from worker.jobs.intents import Intent, Trouble

if TYPE_CHECKING:
    from worker.jobs.calls import MadeCall
    from worker.jobs.errors import SyncError
    from worker.runtime import Apis, Runtime


def was_met_by_old_keys(
    error: SyncError, system_id: int, runtime: Runtime, apis: Apis | None, calls: list[MadeCall]
) -> bool:
    """Whether trouble was met by keys or an address, those in `runtime`, that are others by now.

    Of refused keys the files are read anew at once, and so is the subscription. Raises ClaimLost and LedgerUnavailable.
    """
    if error.intent is not Intent.STORES or error.trouble is Trouble.LIMITED:
        return False
    is_refused = error.trouble is Trouble.CREDENTIALS
    if is_refused:
        app.reloader.look()
    if is_called_otherwise(runtime.connections[system_id], app.runtime.connections.get(system_id)):
        return True
    if apis is None:
        return False
    if is_refused:
        return has_other_keys(runtime, apis, calls)
    return bool(calls) and calls[-1].api is Api.STAMPED and runtime.is_other_store(apis)


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
