"""The triggers of a demonstration, as iPaaS.com would send them."""

from __future__ import annotations

import json
import uuid
from typing import TypeAlias

Trigger: TypeAlias = dict[str, object]

UNKNOWN_SYSTEM = 9999
REFUSED_CODES = ("scope-unsupported", "connection-unknown", "trigger-malformed")
"""What the triggers of `to_be_refused` are refused for."""


def trigger(system_id: int, customer_id: str | None, scope: str) -> Trigger:
    """One trigger with one notification (contract: Trigger, C)."""
    notification = {
        "action": None,
        "id": customer_id,
        "external_id": None,
        "destination": str(system_id),
        "scope": scope,
        "type": None,
        "tracking_guid": str(uuid.uuid4()),
    }
    return {"id": str(uuid.uuid4()), "attempt": 0, "notifications": [notification]}


def to_be_refused(system_id: int, customer_id: str) -> list[Trigger | str]:
    """A delete, a system that no connection has, and a text that ends too early."""
    whole = json.dumps(trigger(system_id, customer_id, "customer/created"))
    return [
        trigger(system_id, customer_id, "customer/deleted"),
        trigger(UNKNOWN_SYSTEM, customer_id, "customer/created"),
        whole[: len(whole) // 2],
    ]
