"""What happens in a demonstration: triggers, customers who change in iPaaS.com, and faults of both APIs."""

from __future__ import annotations

import json
import uuid
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from worker.connections import CREATED
from worker.mapping.rows import BOOLEAN_WORDS
from worker.sandbox.customers import NEWSLETTER
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.sandbox.sandbox import Sandbox

Trigger: TypeAlias = dict[str, object]

UNKNOWN_SYSTEM = 9999
REFUSED_CODES = ("scope-unsupported", "connection-unknown", "trigger-malformed")
"""Why the triggers of `to_be_refused` are refused."""

CHANGED_CUSTOMERS = 20
CHANGED_ANSWERS = 12
"""How many of them change their answer about the newsletter; the others change their name."""

FAULTS = (
    Fault(api="stamped", path="customers/add", times=5, status=503),
    Fault(api="stamped", path="customers/add", times=1, status=429, headers={"Retry-After": "1"}),
    Fault(api="stamped", path="customers/add", times=1, cut="after"),
    Fault(api="ipaas", path="UpdateExternalId", times=1, cut="before"),
)
"""None of them lasts: each call that meets one succeeds in a retry within seconds."""


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
    """A delete, a trigger for a system without a connection, and one whose text is cut off."""
    whole = json.dumps(trigger(system_id, customer_id, CREATED))
    return [
        trigger(system_id, customer_id, "customer/deleted"),
        trigger(UNKNOWN_SYSTEM, customer_id, CREATED),
        whole[: len(whole) // 2],
    ]


def change_customers(sandbox: Sandbox, customer_ids: Iterable[str]) -> list[str]:
    """Change the answer about the newsletter or the name of some of these customers in iPaaS.com; return their ids."""
    known = {customer_id: sandbox.customers[customer_id] for customer_id in customer_ids}
    answers = {customer_id: answer for customer_id, held in known.items() if (answer := _other_answer(held))}
    flipped = dict(islice(answers.items(), CHANGED_ANSWERS))
    renamed = dict(islice(_other_names(known, flipped), CHANGED_CUSTOMERS - len(flipped)))
    for customer_id, fields in (flipped | renamed).items():
        sandbox.patch_customer(customer_id, fields)
    return [*flipped, *renamed]


def _other_answer(customer: dict[str, Any]) -> dict[str, Any] | None:
    """The custom fields with the opposite answer; None if the customer gave no answer."""
    fields = [dict(field) for field in customer.get("custom_fields") or []]
    for field in fields:
        if field["custom_field_name"] == NEWSLETTER and (word := str(field["value"]).casefold()) in BOOLEAN_WORDS:
            field["value"] = "no" if BOOLEAN_WORDS[word] else "yes"
            return {"custom_fields": fields}
    return None


def _other_names(known: dict[str, dict[str, Any]], but: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for customer_id, customer in known.items():
        if customer_id not in but:
            yield customer_id, {"last_name": f"{(customer.get('last_name') or '').strip()}-Newname".lstrip("-")}
