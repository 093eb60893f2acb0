"""Reads triggers: which customers iPaaS.com wants transferred, and what can't be accepted (contract: Trigger, C)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker.config.text_file import NOT_UTF8
from worker.connections import SCOPES
from worker.jobs.errors import (
    ConnectionUnknown,
    CustomerIdInvalid,
    ScopeUnsupported,
    SyncError,
    TriggerMalformed,
    TriggerOff,
)
from worker.jobs.job import CUSTOMER_ID, NO_ID, Job, Kind, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.connections import Connection, Connections

FIELDS = ("scope", "destination", "id")
DEBUG = "/debug"
LONGEST_TRIGGER_BYTES = 2 * 1024 * 1024
TOO_LONG = f"it is longer than {LONGEST_TRIGGER_BYTES >> 20} MB"
MOST_NOTIFICATIONS = 10_000
"""iPaaS.com's own Manual Sync sends at most 3,000 (C)."""
GUID = re.compile(r"[0-9A-Fa-f-]{8,64}", re.ASCII)
TRIGGER_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
SCOPE = re.compile(r"[a-z]{1,32}(/[a-z]{1,32}){0,3}", re.ASCII)
"""With the patterns above: what may be kept of a refused notification, without room for an e-mail address or a name."""
LONGEST_SHAPE = 200
"""How much of a trigger that can't be read is looked at to say how it begins."""
WORD = re.compile(
    r"""("(?:notifications|id|attempt|destination|scope|tracking_guid|args)")|[^\]\[{}()<>"':;,.=&?@/\\ -]+"""
)
"""A field of a trigger, or a run of whatever is no plain sign: letters of any script, digits, what cannot be seen."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A notification that asks for a transfer."""

    job: Job
    tracking_guid: str
    debug: bool
    is_coalesced: bool = False
    """Whether a run of the job that is to begin anyway does for this notification as well, once it was handed over."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A notification that is not accepted: which one, and why."""

    error: SyncError
    trigger_id: str
    position: int
    """Which notification of the trigger, from 1; 0 if the whole trigger can't be read."""
    system_id: str = ""
    scope: str = ""
    customer_id: str = ""


Verdict = Accepted | Refused


def error_of_unknown(verdicts: Iterable[Verdict]) -> ConnectionUnknown | None:
    """The error of the first notification that was refused because its connection is not configured here."""
    errors = (each.error for each in verdicts if isinstance(each, Refused))
    return next((error for error in errors if isinstance(error, ConnectionUnknown)), None)


def parsed(text: str | bytes | bytearray) -> Any:
    """The JSON value of a trigger's body. Raises TriggerMalformed."""
    if len(text) > LONGEST_TRIGGER_BYTES:
        raise TriggerMalformed(TOO_LONG)
    try:
        return json.loads(text)
    except UnicodeDecodeError:
        raise TriggerMalformed(f"it {NOT_UTF8}") from None
    except json.JSONDecodeError as error:
        raise TriggerMalformed(f"it is not JSON: {error.msg}, line {error.lineno} column {error.colno}") from None
    except ValueError:
        raise TriggerMalformed("a number in it is too long") from None
    except RecursionError:
        raise TriggerMalformed("it is nested too deeply") from None


def judge(trigger: object, connections: Connections) -> list[Verdict]:
    """Accept or refuse each notification of a trigger separately. `trigger` is its JSON, as a text or as a value."""
    try:
        body = parsed(trigger) if isinstance(trigger, str | bytes | bytearray) else trigger
        notifications = _notifications(body)
    except SyncError as error:
        return [Refused(TriggerMalformed(f"{error.failure.detail}. It begins: {shape_of(trigger)}"), "", 0)]
    trigger_id = harmless(body.get("id"), TRIGGER_ID) if isinstance(body, dict) else ""
    return [
        _judged(notification, connections, trigger_id, position)
        for position, notification in enumerate(notifications, start=1)
    ]


def _notifications(body: object) -> list[Any]:
    if not isinstance(body, dict):
        raise TriggerMalformed("it is not a JSON object")
    notifications = body.get("notifications")
    if not isinstance(notifications, list) or not notifications:
        raise TriggerMalformed("`notifications` is not a list of at least one notification")
    if len(notifications) > MOST_NOTIFICATIONS:
        raise TriggerMalformed(f"it has {len(notifications):,} notifications, and {MOST_NOTIFICATIONS:,} are the most")
    return notifications


def _judged(notification: object, connections: Connections, trigger_id: str, position: int) -> Verdict:
    if not isinstance(notification, dict):
        return Refused(TriggerMalformed("the notification is not a JSON object"), trigger_id, position)
    try:
        return _accepted(notification, connections)
    except SyncError as error:
        patterns = {"destination": DIGITS, "scope": SCOPE, "id": DIGITS}
        shown = (harmless(notification.get(name), pattern) for name, pattern in patterns.items())
        return Refused(error, trigger_id, position, *shown)


def _accepted(notification: dict[str, Any], connections: Connections) -> Accepted:
    """Accept a notification. Raises an error with the code of its first fault, and the words of all."""
    scope, destination, customer = map(plain_text, map(notification.get, FIELDS))
    connection = connections.get(int(destination)) if DIGITS.fullmatch(destination) else None
    errors = list(_errors(notification, connection))
    if errors or connection is None:
        raise type(errors[0])("; ".join(error.failure.detail for error in errors))
    if (plain_scope := scope.removesuffix(DEBUG)) not in connection.triggers:
        raise TriggerOff(f"`scope` {plain_scope} is switched off")
    guid = notification.get("tracking_guid")
    return Accepted(
        Job(Kind.CUSTOMER, connection.system_id, customer),
        guid if isinstance(guid, str) and GUID.fullmatch(guid) else "",
        scope.endswith(DEBUG),
    )


def _errors(notification: dict[str, Any], connection: Connection | None) -> Iterator[SyncError]:
    """Everything that is wrong with a notification; `connection` is the one that it names, if there is one."""
    scope, destination, customer = map(notification.get, FIELDS)
    if scope is None:
        yield TriggerMalformed("`scope` is missing")
    elif not isinstance(scope, str):
        yield TriggerMalformed("`scope` is not a text in quotes")
    elif scope.strip().removesuffix(DEBUG) not in SCOPES:
        yield ScopeUnsupported(f"`scope` {harmless(scope, SCOPE)}".strip() + " is not supported")
    if destination is None or destination == "":
        yield TriggerMalformed("`destination` is missing")
    elif connection is None:
        digits = harmless(destination, DIGITS)
        yield ConnectionUnknown(f"`destination` {f'{digits} is not configured' if digits else 'is not a system id'}")
    if customer is None or customer == "":
        yield TriggerMalformed("`id` is missing")
    elif not CUSTOMER_ID.fullmatch(plain_text(customer)):
        yield CustomerIdInvalid(f"`id` {NO_ID}")


def shape_of(trigger: object) -> str:
    """How something begins that can't be read, for whoever must find out what sends it, with nothing of what it holds.

    The fields of a trigger are shown by their names; of anything else each word is x, whatever it is.
    """
    if isinstance(trigger, bytes | bytearray):
        trigger = trigger[:LONGEST_SHAPE].decode(errors="replace")
    try:
        text = trigger if isinstance(trigger, str) else json.dumps(trigger, default=lambda _: "?")
    except (ValueError, TypeError, RecursionError):  # a value of Python that is no JSON
        return "nothing that could be shown"
    return WORD.sub(lambda word: word[1] or "x", text[:LONGEST_SHAPE].strip()) or "nothing"


def harmless(value: object, pattern: re.Pattern[str]) -> str:
    """The value as text if it is harmless to keep and show, else an empty text."""
    text = plain_text(value)
    return text if pattern.fullmatch(text) else ""
