"""`stamped-sync check`."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from worker.cli.asking import yes_option
from worker.cli.check_write import check_by_writing
from worker.cli.connections import mapping_in_short
from worker.cli.exit_codes import ALL_WELL, FAILED
from worker.cli.holds import in_short
from worker.cli.options import json_option, system_option
from worker.cli.outcome import titled
from worker.jobs.errors import SyncError
from worker.ledger import LedgerUnavailable
from worker.ledger.proof import prove
from worker.presentation.screen import Screen, counted
from worker.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.config.settings import Settings
    from worker.connections import Connection


@dataclass(frozen=True)
class Check:
    """One thing to prove; `prove` answers what it found, or raises SyncError."""

    name: str
    prove: Callable[[], str]


@click.command()
@click.option("--write", is_flag=True, help="Try what is assumed of Stamped.io's API, on a test customer.")
@click.option("--email", metavar="ADDRESS", help="With --write: the test customer's address, which nobody has there.")
@system_option
@yes_option
@json_option
def command(system: int | None, email: str | None, *, write: bool, yes: bool, as_json: bool) -> int:
    """Prove every connection: file, mapping, Redis, iPaaS.com token, Stamped.io credentials and store hash.

    Every proof is made, one line each; what fails is shown with its cause and resolution. So are the connections
    that are held. Redis is proved by doing what a worker does, on keys of its own that are gone in the end. What is
    found wrong with it is shown with what to do, and after a ! what would cost jobs one day or can't be proved; a
    missing right can hide others, so check again once it is given. In iPaaS.com and Stamped.io nothing is written.

    With --write it makes a customer with the address of --email in the Stamped.io store of one connection, reads it
    back field by field, updates it, searches for it, subscribes and unsubscribes it. It says of each assumption about
    the API whether it holds and, if not, which line of the code to correct. It asks before it writes, and touches no
    other customer: an address that Stamped.io has is refused, unless an earlier run made its customer. A new customer
    is left unsubscribed, one of an earlier run as it was; neither can be deleted from here.

    \b
    Examples:
      stamped-sync check
      stamped-sync check --write --email test@example.com --system 4021

    Exit codes: 0 all proved; 1 a proof failed, whatever its cause, or with --write an assumption does not hold or could
    not be shown; 2 wrong usage, or the configuration can't be read.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    if write:
        return check_by_writing(Runtime.build(), system, _given(email), yes=yes, as_json=as_json)
    if email or system is not None or yes or as_json:
        raise click.UsageError("--email, --system, --yes and --json belong to --write.")
    screen = Screen()
    runtime = Runtime.build()
    file = f"{runtime.settings.connections}, {counted(len(runtime.connections), 'connection')}"
    codes = [_made(screen, Check("Connections file", lambda: file)), _redis(screen, runtime.settings)]
    return max([*codes, *(_made(screen, proof) for proof in _proofs(runtime)), _holds(screen, runtime)])


def _given(email: str | None) -> str:
    if not email:
        raise click.UsageError("--write needs --email: the address of a test customer, which nobody has in Stamped.io.")
    return email


def _proofs(runtime: Runtime) -> Iterator[Check]:
    for connection in runtime.connections:
        yield from _proofs_of(connection, runtime)


def _proofs_of(connection: Connection, runtime: Runtime) -> Iterator[Check]:
    system_id = connection.system_id
    source, store = runtime.source(system_id, str(uuid.uuid4())), runtime.store(system_id)

    def stamped() -> str:
        store.prove()
        return f"store hash {connection.stamped.store_hash}"

    yield Check(f"{system_id} {connection.name}, mapping", lambda: mapping_in_short(connection.mapping))
    yield Check(f"{system_id} {connection.name}, iPaaS.com token", source.subscription_name)
    yield Check(f"{system_id} {connection.name}, Stamped.io credentials", stamped)


def _redis(screen: Screen, settings: Settings) -> int:
    """Prove Redis, and show all that was found: the exit code."""
    with screen.busy("Redis"):
        proof = prove(settings.redis)
    for each in proof.errors:
        screen.mark(f"Redis, {settings.redis_url_shown}: it {each}", is_good=False)
    if not proof.errors:
        screen.mark(f"Redis: {', '.join(filter(None, [settings.redis_url_shown, proof.server]))}", is_good=True)
    for each in proof.warnings:
        screen.caution(f"Redis {each}")
    return FAILED if proof.errors else ALL_WELL


def _holds(screen: Screen, runtime: Runtime) -> int:
    """Show the connections that are held: the exit code. If Redis does not answer, its own proof has said so."""
    with suppress(LedgerUnavailable):
        for hold in (held := runtime.ledger.holds()):
            screen.mark(f"{hold.system_id}: {in_short(hold)}", is_good=False)
            screen.failure(hold.failure)
        return FAILED if held else ALL_WELL
    return FAILED


def _made(screen: Screen, proof: Check) -> int:
    """Make one proof and say how it went: its exit code."""
    try:
        with screen.busy(proof.name):
            found = proof.prove()
    except SyncError as error:
        screen.mark(f"{proof.name}: {titled(error.failure)}", is_good=False)
        screen.failure(error.failure)
        return FAILED
    screen.mark(f"{proof.name}: {found}" if found else proof.name, is_good=True)
    return ALL_WELL
