"""`stamped-sync preview`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.by_hand.previews import Previewer
from worker.cli.emails import look_up
from worker.cli.ending import ALL_WELL, code_of
from worker.cli.ids import one_customer, refuse_faults
from worker.cli.options import chosen, json_option, system_option
from worker.presentation.ids import Checked
from worker.presentation.preview import follow_up_in_words, write_in_words
from worker.presentation.screen import Screen
from worker.presentation.wording import shortened
from worker.runtime import Runtime

if TYPE_CHECKING:
    from worker.connections import Connection
    from worker.presentation.ids import Email
    from worker.sync.preview import Preview

LONGEST_VALUE = 200
"""Characters of a value that are shown; --json has them all."""


@click.command()
@click.argument("named", type=one_customer, metavar="ID")
@system_option
@json_option
def command(named: str | Email, system: int | None, *, as_json: bool) -> int:
    """Show what a transfer of one customer would do; writes nothing.

    Reads the customer in iPaaS.com and its counterpart in Stamped.io, and shows what would be sent, whether that
    creates or updates, which recommended fields are empty, and what would become of the subscription. This shows
    the customer's personal data. Its calls count against the connection's throttle like those of jobs, if Redis
    answers; while the throttle is used up or the connection is held, it says when to try again. In place of the id, an
    e-mail address is looked up in iPaaS.com, if exactly one customer has it.

    \b
    Examples:
      stamped-sync preview 150713
      stamped-sync preview 150713 --system 4021 --json

    Exit codes: 0 the transfer can be done, 1 it or the subscription would fail, 2 wrong usage or configuration.
    """  # noqa: D301 - click's mark for a paragraph to leave as it is
    screen = Screen(as_json=as_json)
    runtime = Runtime.build()
    connection = chosen(runtime.connections, system)
    customer = named if isinstance(named, str) else _looked_up(screen, named, runtime, connection)
    with screen.busy("Reading from iPaaS.com and Stamped.io"):
        planned = Previewer(runtime, connection).preview(customer)
    if as_json:
        screen.json(_as_json(planned, connection.system_id, customer))
    else:
        _show(screen, planned, connection, customer)
    return code_of([planned.subscription_failure]) if planned.subscription_failure else ALL_WELL


def _looked_up(screen: Screen, email: Email, runtime: Runtime, connection: Connection) -> str:
    """The id of the customer who has an address. Raises FaultsFound, and what a look-up raises."""
    given = Checked([email])
    found = look_up(screen, [email], connection.system_id, runtime)
    refuse_faults(screen, given, found)
    [customer] = given.ids(found)
    return customer


def _as_json(planned: Preview, system_id: int, customer: str) -> dict[str, object]:
    return {
        "system_id": system_id,
        "customer_id": customer,
        "action": planned.write,
        "stamped_id": planned.stamped_id,
        "payload": planned.payload,
        "warnings": planned.warnings,
        "subscription": {
            "action": planned.subscription,
            "is_subscribed": planned.is_subscribed,
            "error": planned.subscription_failure.as_json() if planned.subscription_failure else None,
        },
    }


def _show(screen: Screen, planned: Preview, connection: Connection, customer: str) -> None:
    screen.heading(f"Customer {customer}, {connection.title} ({connection.system_id}); nothing is written")
    screen.facts({"Transfer": write_in_words(planned), "Subscription": follow_up_in_words(planned)})
    if planned.subscription_failure:
        screen.failure(planned.subscription_failure, indent=4)
    screen.section("Would be sent to Stamped.io")
    screen.facts({name: shortened(value, LONGEST_VALUE) for name, value in planned.payload.items()})
    if planned.warnings:
        screen.section("Warnings")
        for warning in planned.warnings:
            screen.line(f"  {warning}")
