"""`stamped-sync connections`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from worker.cli.drift import cautioned
from worker.cli.ending import ALL_WELL, redis_silent
from worker.cli.holds import as_json_object
from worker.cli.options import json_option
from worker.config.settings import load_settings
from worker.connections import EXAMPLE, Throttle, load_connections
from worker.handover import open_ledger
from worker.ledger import LedgerUnavailable
from worker.presentation.bars import in_words
from worker.presentation.cautions import cautions
from worker.presentation.screen import Screen
from worker.presentation.stores import rows_of
from worker.presentation.times import as_iso, lasting, local
from worker.presentation.wording import counted

if TYPE_CHECKING:
    from worker.connections import Connection, Connections
    from worker.ledger import Ledger
    from worker.mapping.mapping import Mapping
    from worker.presentation.stores import StoreRow

WORDS: Final = {
    "api_url": "API address",
    "public_key": "public key",
    "private_key": "private key",
    "store_hash": "store hash",
    "limit": "calls",
    "seconds": "seconds of the throttle",
    "concurrent": "jobs at once",
}
"""What a subscription can say, by its key in the connections file."""
THROTTLE: Final = frozenset(Throttle.model_fields)


@click.command()
@json_option
@click.option("--example", is_flag=True, help="Print a connections file to start from.")
def command(*, as_json: bool, example: bool) -> int:
    """Show the configured connections, without their secrets, and where each stands.

    Who needs attention comes first. While Redis does not answer, that is said, and only what the file says is shown.

    \b
    Examples:
      stamped-sync connections
      stamped-sync connections --example > connections.toml

    Exit codes: 0 all well, 2 the configuration can't be read.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen()
    if example:
        screen.file(EXAMPLE)
        return ALL_WELL
    settings = load_settings()
    connections = load_connections(settings.connections)
    ledger = open_ledger(settings, connections)
    try:
        shown, silent = _with_rows(ledger, connections), ""
    except LedgerUnavailable as error:
        shown, silent = [(each, None) for each in connections], redis_silent(error, settings.redis_url_shown)
    for connection, row in shown if as_json else screen.apart(shown):
        if as_json:
            screen.json(_as_json(connection) | {"standing": row and _row_as_json(row)})
        else:
            _show(screen, connection, row)
    for each in cautions(connections):
        screen.note(f"! {each}")
    if silent:
        screen.error(f"{silent}. Only what the file says is shown.")
    else:
        cautioned(screen, ledger, connections)
    return ALL_WELL


def _with_rows(ledger: Ledger, connections: Connections) -> list[tuple[Connection, StoreRow | None]]:
    """The connections, who needs attention first, with where each stands. Raises LedgerUnavailable."""
    return [(row.connection, row) for row in rows_of(ledger, connections) if row.connection]


def _row_as_json(row: StoreRow) -> dict[str, object]:
    return {
        "state": row.standing,
        "waiting": row.waiting,
        "oldest_waiting": as_iso(row.oldest),
        "under_way": row.under_way,
        "hour": {"finished": sum(row.hour.done), "failed": sum(row.hour.failed)},
        "day": {"finished": sum(row.day.done), "failed": sum(row.day.failed)},
        "day_before": {"finished": sum(row.day_before.done), "failed": sum(row.day_before.failed)},
        "throttle": row.use and {"calls": row.use.stamped_calls, "limit": row.use.stamped_limit},
        "last_success": as_iso(row.last_done),
        "hold": row.hold and as_json_object(row.hold),
    }


def _as_json(connection: Connection) -> dict[str, object]:
    expires = connection.ipaas.token_expires
    return {
        "system_id": connection.system_id,
        "name": connection.name,
        "triggers": sorted(connection.triggers),
        "mapping_rows": len(connection.mapping.rows),
        "maps_subscription": connection.mapping.maps_subscription,
        "resubscribes": connection.mapping.resubscribes,
        "warn_shared": connection.warn_shared,
        "ipaas": {
            "api_url": connection.ipaas.api_url,
            "opened_by": opened_by(connection),
            "token_expires": expires and expires.isoformat(),
            "client_id": connection.ipaas.client_id,
        },
        "stamped": {"api_url": connection.stamped.api_url, "store_hash": connection.stamped.store_hash},
        "throttle": {
            key: None if key in connection.unsaid else value for key, value in connection.throttle.model_dump().items()
        },
        "from_subscription": sorted(connection.unsaid),
    }


def _show(screen: Screen, connection: Connection, row: StoreRow | None) -> None:
    screen.heading(connection.label)
    screen.facts(
        (_standing(row) if row else {})
        | {
            "iPaaS.com": _ipaas_in_short(connection),
            "Stamped.io": _stamped_in_short(connection),
            "Triggers": ", ".join(sorted(connection.triggers)) or "none: only Manual Sync",
            "Mapping": mapping_in_short(connection.mapping),
            "Shared customers": "looked for, and warned about" if connection.warn_shared else "",
            "Throttle": "" if connection.unsaid >= THROTTLE else throttle_in_short(connection.throttle),
            "From the subscription": ", ".join(WORDS[key] for key in WORDS if key in connection.unsaid),
        }
    )


def _standing(row: StoreRow) -> dict[str, str]:
    now = datetime.now(UTC)
    why = row.why(now)
    waits = f", the oldest for {lasting(now - row.oldest)}" if row.oldest else ""
    return {
        "State": f"{row.standing}: {why}" if why else row.standing,
        "Waiting": f"{counted(row.waiting, 'job')}{waits}",
        "Last hour": in_words(row.hour),
        "Last day": f"{in_words(row.day)}; the day before {in_words(row.day_before)}",
        "Throttle in use": row.throttle,
        "Last success": local(row.last_done) or "never",
    }


def opened_by(connection: Connection) -> str:
    """What opens iPaaS.com."""
    return "login" if connection.ipaas.login else "API key"


def _ipaas_in_short(connection: Connection) -> str:
    """Of iPaaS.com, what the file says, without its secrets."""
    ipaas = connection.ipaas
    key = opened_by(connection) + (f" until {ipaas.token_expires}" if ipaas.token_expires else "")
    return ", ".join(filter(None, [ipaas.api_url, key, ipaas.client_id and f"client id {ipaas.client_id}"]))


def _stamped_in_short(connection: Connection) -> str:
    """Of Stamped.io, what the file says."""
    stamped = connection.stamped
    return ", ".join(filter(None, [stamped.api_url, stamped.store_hash and f"store hash {stamped.store_hash}"]))


def throttle_in_short(throttle: Throttle) -> str:
    """A throttle in one line."""
    return f"{counted(throttle.limit, 'call')} in {throttle.seconds} s, {throttle.concurrent} at once"


def mapping_in_short(mapping: Mapping) -> str:
    """A mapping in one line."""
    mapped = "mapped" if mapping.resubscribes else "mapped, without subscribing anybody again"
    return f"{counted(len(mapping.rows), 'row')}, subscription {mapped if mapping.maps_subscription else 'not mapped'}"
