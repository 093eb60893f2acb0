"""Reads triggers: which customers iPaaS.com wants transferred, and what can't be accepted (contract: Trigger, C)."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
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
from worker.jobs.job import NO_ID, Job, Kind, customer_id, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.connections import Connection, Connections

DEBUG = "/debug"
LONGEST_TRIGGER_BYTES = 2 * 1024 * 1024
"""Enough for about 10,000 notifications; iPaaS.com's own Manual Sync sends at most 3,000 (C)."""
GUID = re.compile(r"[0-9A-Fa-f-]{8,64}", re.ASCII)
TRIGGER_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
SCOPE = re.compile(r"[a-z]{1,32}(/[a-z]{1,32}){0,3}", re.ASCII)
"""With the patterns above: what may be kept of a refused notification, without room for an e-mail address or a name."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A notification that asks for a transfer."""

    job: Job
    tracking_guid: str
    debug: bool


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


def parsed(text: str | bytes) -> Any:
    """The JSON value of a trigger's body. Raises TriggerMalformed."""
    if len(text) > LONGEST_TRIGGER_BYTES:
        raise TriggerMalformed(f"it is longer than {LONGEST_TRIGGER_BYTES >> 20} MB")
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
        body = parsed(trigger) if isinstance(trigger, str | bytes) else trigger
        notifications = _notifications(body)
    except SyncError as error:
        return [Refused(error, "", 0)]
    trigger_id = _plain(body.get("id"), TRIGGER_ID) if isinstance(body, dict) else ""
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
    return notifications


def _judged(notification: object, connections: Connections, trigger_id: str, position: int) -> Verdict:
    if not isinstance(notification, dict):
        return Refused(TriggerMalformed("the notification is not a JSON object"), trigger_id, position)
    try:
        return _accepted(notification, connections)
    except SyncError as error:
        patterns = {"destination": DIGITS, "scope": SCOPE, "id": DIGITS}
        shown = (_plain(notification.get(name), pattern) for name, pattern in patterns.items())
        return Refused(error, trigger_id, position, *shown)


def _accepted(notification: dict[str, Any], connections: Connections) -> Accepted:
    """Accept a notification. Raises an error with the code of its first fault, and the words of all."""
    errors: list[SyncError] = []
    with _noted(errors):
        scope, is_debug = _scope(notification.get("scope"))
    with _noted(errors):
        connection = _connection(notification.get("destination"), connections)
    with _noted(errors):
        customer = _customer(notification.get("id"))
    if errors:
        raise type(errors[0])("; ".join(error.failure.detail for error in errors))
    if scope not in connection.triggers:
        raise TriggerOff(f"`scope` is {scope}")
    guid = notification.get("tracking_guid")
    return Accepted(
        Job(Kind.CUSTOMER, connection.system_id, customer),
        guid if isinstance(guid, str) and GUID.fullmatch(guid) else "",
        is_debug,
    )


@contextmanager
def _noted(errors: list[SyncError]) -> Iterator[None]:
    """Note an error and go on, so that the others are found too."""
    try:
        yield
    except SyncError as error:
        errors.append(error)


def _scope(value: object) -> tuple[str, bool]:
    """A notification's scope without `/debug`, and whether it had that. Raises TriggerMalformed, ScopeUnsupported."""
    if value is None:
        raise TriggerMalformed("`scope` is missing")
    if not isinstance(value, str):
        raise TriggerMalformed("`scope` is not a text in quotes")
    scope = value.strip().removesuffix(DEBUG)
    if scope not in SCOPES:
        raise ScopeUnsupported(f"`scope` is {_plain(value, SCOPE) or 'something else'}")
    return scope, value.strip().endswith(DEBUG)


def _connection(destination: object, connections: Connections) -> Connection:
    if destination is None or destination == "":
        raise TriggerMalformed("`destination` is missing")
    digits = _plain(destination, DIGITS)
    connection = connections.get(int(digits)) if digits else None
    if connection is None:
        raise ConnectionUnknown(f"`destination` is {digits or 'not a system id'}")
    return connection


def _customer(value: object) -> str:
    if value is None or value == "":
        raise TriggerMalformed("`id` is missing")
    try:
        return customer_id(value)
    except CustomerIdInvalid:
        raise CustomerIdInvalid(f"`id` {NO_ID}") from None


def _plain(value: object, pattern: re.Pattern[str]) -> str:
    """The value if it is harmless to keep and show, else an empty text."""
    text = plain_text(value)
    return text if pattern.fullmatch(text) else ""
