"""`stamped-sync check`."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from worker.cli.connections import mapping_in_short
from worker.cli.exit_codes import ALL_WELL, FAILED
from worker.cli.explaining import redis_silent
from worker.cli.holds import in_short
from worker.cli.outcome import titled
from worker.errors import SyncError
from worker.ledger import LedgerUnavailable
from worker.runtime import Runtime
from worker.screen import Screen, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.connections import Connection


@dataclass(frozen=True)
class Proof:
    """One thing to prove; `prove` answers what it found, or raises SyncError or LedgerUnavailable."""

    name: str
    prove: Callable[[], str]


@click.command()
def command() -> int:
    """Prove every connection: file, mapping, Redis, iPaaS.com token, Stamped.io credentials and store hash.

    Every proof is made, one line each; what fails is shown with its cause and resolution. So are the connections
    that are held. Nothing is written.

    \b
    Example:
      stamped-sync check

    Exit codes: 0 all proved; 1 a proof failed, whatever its cause; 2 the configuration can't be read.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen()
    runtime = Runtime.build()
    return max([*(_made(screen, proof) for proof in _proofs(runtime)), _holds(screen, runtime)])


def _proofs(runtime: Runtime) -> Iterator[Proof]:
    file = f"{runtime.settings.connections}, {counted(len(runtime.connections), 'connection')}"
    yield Proof("Connections file", lambda: file)
    yield Proof("Redis", lambda: _redis(runtime))
    for connection in runtime.connections:
        yield from _proofs_of(connection, runtime)


def _proofs_of(connection: Connection, runtime: Runtime) -> Iterator[Proof]:
    system_id = connection.system_id
    source, store = runtime.source(system_id, str(uuid.uuid4())), runtime.store(system_id)

    def stamped() -> str:
        store.prove()
        return f"store hash {connection.stamped.store_hash}"

    yield Proof(f"{system_id} {connection.name}, mapping", lambda: mapping_in_short(connection.mapping))
    yield Proof(f"{system_id} {connection.name}, iPaaS.com token", source.subscription_name)
    yield Proof(f"{system_id} {connection.name}, Stamped.io credentials", stamped)


def _redis(runtime: Runtime) -> str:
    runtime.ledger.ping()
    return runtime.settings.redis_url_shown


def _holds(screen: Screen, runtime: Runtime) -> int:
    """Show the connections that are held: the exit code. Where Redis does not answer, its own proof has told."""
    with suppress(LedgerUnavailable):
        for hold in (held := runtime.ledger.holds()):
            screen.mark(f"{hold.system_id}: {in_short(hold)}", is_good=False)
            screen.failure(hold.failure)
        return FAILED if held else ALL_WELL
    return FAILED


def _made(screen: Screen, proof: Proof) -> int:
    """Make one proof and say how it went: its exit code."""
    try:
        with screen.busy(proof.name):
            found = proof.prove()
    except LedgerUnavailable as error:
        screen.mark(redis_silent(error), is_good=False)
        return FAILED
    except SyncError as error:
        screen.mark(f"{proof.name}: {titled(error.failure)}", is_good=False)
        screen.failure(error.failure)
        return FAILED
    screen.mark(f"{proof.name}: {found}" if found else proof.name, is_good=True)
    return ALL_WELL
