"""`stamped-sync check`."""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from worker.cli.check_write import check_by_writing
from worker.cli.connections import mapping_in_short, opened_by, throttle_in_short
from worker.cli.drift import differing, still_differing
from worker.cli.ending import ALL_WELL, FAILED
from worker.cli.holds import in_short
from worker.cli.options import json_option, system_option, yes_option
from worker.config.faults import ConfigurationError
from worker.config.settings import load_settings
from worker.connections import Throttle
from worker.jobs.errors import SyncError
from worker.ledger import LedgerUnavailable
from worker.ledger.proving.proof import prove
from worker.local.machine import brings_one
from worker.presentation.cautions import cautions, sharing
from worker.presentation.figures import unknown_in_words
from worker.presentation.screen import Screen
from worker.presentation.wording import counted
from worker.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.config.settings import Settings
    from worker.connections import Connection

MOST_SECONDS: Final = 20.0
"""How long it waits for processes to take a change."""


@click.command()
@click.option("--write", is_flag=True, help="Try on a test customer what is assumed about Stamped.io's API.")
@click.option(
    "--email", metavar="ADDRESS", help="With --write: the test customer's address, which nobody has in Stamped.io."
)
@system_option
@yes_option
@json_option
def command(system: int | None, email: str | None, *, write: bool, yes: bool, as_json: bool) -> int:
    """Check that every connection works: file, mapping, Redis, iPaaS.com API key, Stamped.io keys and store hash.

    Everything is checked, one line each; whatever fails is shown with its cause and resolution, and so are the
    connections that are held. Redis is checked by doing what a worker does, on separate keys that are deleted in the
    end. A line with ! shows what works for now but could cost jobs one day, or what cannot be checked. One missing
    permission in Redis can hide others, so check again once it is granted. Nothing is written to iPaaS.com or
    Stamped.io.

    With --write it creates a customer with the address of --email in the Stamped.io store of one connection, reads it
    back field by field, updates it, searches for it, subscribes and unsubscribes it. For each assumption about the API
    it shows whether it holds and, if not, which line of the code to correct. It asks before it writes, and touches no
    other customer: an address that somebody has in Stamped.io is refused, unless an earlier run created that customer.
    A new customer is left unsubscribed, one of an earlier run as it was; Stamped.io has no call to delete either.

    \b
    Examples:
      stamped-sync check
      stamped-sync check --write --email test@example.com --system 4021

    Exit codes: 0 everything works; 1 something does not, whatever the cause, or with --write an assumption does not
    hold or could not be shown; 2 wrong usage, or the configuration can't be read.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    if write:
        return check_by_writing(Runtime.build(), system, _given(email), yes=yes, as_json=as_json)
    if email or system is not None or yes or as_json:
        raise click.UsageError("--email, --system, --yes and --json belong to --write.")
    screen = Screen()
    runtime = _runtime(screen)
    file = f"{runtime.settings.connections}, {counted(len(runtime.connections), 'connection')}"
    told: set[str] = set()
    codes = [_made(screen, told, "Connections file", lambda: file)]
    for each in cautions(runtime.connections):
        screen.caution(each)
    codes.append(_redis(screen, runtime.settings))
    wholes: list[Connection] = []
    codes += [_prove(screen, told, runtime, each, wholes) for each in runtime.connections]
    cautioned = {*sharing(runtime.connections)}
    for each in sharing(wholes):
        if each not in cautioned:
            screen.caution(each)
    return max(*codes, _holds(screen, runtime, told), _processes(screen, runtime))


def _runtime(screen: Screen) -> Runtime:
    """The configuration. Raises ConfigurationError; if the settings are good, Redis is checked all the same."""
    try:
        return Runtime.build()
    except ConfigurationError:
        with suppress(ConfigurationError):
            _redis(screen, load_settings())
        raise


def _given(email: str | None) -> str:
    if not email:
        raise click.UsageError("--write needs --email: the address of a test customer, which nobody has in Stamped.io.")
    return email


def _prove(screen: Screen, told: set[str], runtime: Runtime, connection: Connection, wholes: list[Connection]) -> int:
    """Check one connection: the exit code. If all of it could be read, also from its subscription, `wholes` gets it.

    What can't be known because of a trouble that was shown is not tried: it would be shown again.
    """
    name, system_id = connection.label, connection.system_id
    source = runtime.source(system_id, str(uuid.uuid4()))
    codes = [
        _made(screen, told, f"{name}, mapping", partial(mapping_in_short, connection.mapping)),
        _made(screen, told, f"{name}, iPaaS.com {opened_by(connection)}", source.subscription_name),
    ]
    if connection.unsaid and not codes[-1]:
        codes.append(_made(screen, told, f"{name}, subscription", partial(_found, runtime, connection)))
    if not connection.unsaid or not codes[-1]:
        wholes.append(whole := runtime.whole(system_id))
        codes.append(_made(screen, told, f"{name}, Stamped.io credentials", partial(_store_hash, runtime, whole)))
    return max(codes)


def _found(runtime: Runtime, connection: Connection) -> str:
    """What the subscription says, without its secrets."""
    whole = runtime.whole(connection.system_id)
    keys = {"public_key", "private_key"} & connection.unsaid
    shown = [f"API address {whole.endpoint.api_url}" if "api_url" in connection.unsaid else "", "keys" if keys else ""]
    shown.append(throttle_in_short(whole.throttle) if connection.unsaid & Throttle.model_fields.keys() else "")
    return ", ".join(filter(None, shown))


def _store_hash(runtime: Runtime, whole: Connection) -> str:
    runtime.store(whole.system_id).prove()
    return f"store hash {whole.endpoint.store_hash}"


def _redis(screen: Screen, settings: Settings) -> int:
    """Check Redis, and show everything that was found: the exit code."""
    with screen.busy("Redis"):
        proof = prove(settings.redis)
    for each in proof.errors:
        screen.mark(f"Redis, {settings.redis_url_shown}: it {each}", is_good=False)
    if proof.is_away and brings_one(settings.redis):
        screen.prose("`stamped-sync up` brings a Redis of its own. STAMPED_SYNC_REDIS_URL names another one.", indent=4)
    if not proof.errors:
        screen.mark(f"Redis: {', '.join(filter(None, [settings.redis_url_shown, proof.server]))}", is_good=True)
    for each in proof.warnings:
        screen.caution(f"Redis {each}")
    return FAILED if proof.errors else ALL_WELL


def _holds(screen: Screen, runtime: Runtime, told: set[str]) -> int:
    """Show the connections that are held: the exit code. If Redis does not answer, its own proof has said so.

    What was `told` is not said again.
    """
    with suppress(LedgerUnavailable):
        holds = runtime.ledger.holds()
        for hold in holds:
            screen.mark(f"{hold.system_id}: {in_short(hold)}", is_good=None if hold.is_paused else False)
            if hold.code not in told and not hold.is_paused:
                screen.failure(hold.failure)
        return FAILED if any(not hold.is_paused for hold in holds) else ALL_WELL
    return FAILED


def _processes(screen: Screen, runtime: Runtime) -> int:
    """Show which processes do not go by the files as they stand: the exit code. A change takes them some seconds.

    Also which jobs wait for a connection that is not in them.
    """
    with suppress(LedgerUnavailable):
        for each in unknown_in_words(runtime.ledger.figures()):
            screen.caution(each)
        seconds = min(MOST_SECONDS, 2 * runtime.settings.reload_seconds + 1)
        with screen.busy("the configuration of the processes that run"):
            still_differing(runtime.ledger, runtime.connections, seconds)
        for each in (found := differing(runtime.ledger, runtime.connections)):
            screen.mark(each, is_good=False)
        return FAILED if found else ALL_WELL
    return FAILED


def _made(screen: Screen, told: set[str], name: str, prove: Callable[[], str]) -> int:
    """Make one check and show how it went: its exit code. The code of its error is added to `told`."""
    try:
        with screen.busy(name):
            found = prove()
    except SyncError as error:
        screen.mark(f"{name}: {error.failure.headline}", is_good=False)
        screen.failure(error.failure)
        told.add(error.failure.code)
        return FAILED
    screen.mark(f"{name}: {found}" if found else name, is_good=True)
    return ALL_WELL
