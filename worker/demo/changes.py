"""What befalls a demonstration: faults of both APIs, and customers that change in iPaaS.com."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from worker.mapping.rows import BOOLEAN_WORDS
from worker.sandbox.customers import NEWSLETTER
from worker.sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.sandbox.sandbox import Sandbox

CHANGED_CUSTOMERS = 20
OF_THEM_ANSWERS = 12
"""How many change their mind about the newsletter; the others change their name."""

FAULTS = (
    Fault(api="stamped", path="customers/add", times=5, status=503),
    Fault(api="stamped", path="customers/add", times=1, status=429, headers={"Retry-After": "1"}),
    Fault(api="stamped", path="customers/add", times=1, cut="after"),
    Fault(api="ipaas", path="UpdateExternalId", times=1, cut="before"),
)
"""All of them pass: each call that meets one is made again within seconds."""


def change_customers(sandbox: Sandbox, customer_ids: Iterable[str]) -> list[str]:
    """Change some of these customers in iPaaS.com: another answer about the newsletter, or another name; their ids."""
    known = {customer_id: sandbox.customers[customer_id] for customer_id in customer_ids}
    answers = {customer_id: answer for customer_id, held in known.items() if (answer := _other_answer(held))}
    minds = dict(islice(answers.items(), OF_THEM_ANSWERS))
    names = dict(islice(_other_names(known, minds), CHANGED_CUSTOMERS - len(minds)))
    for customer_id, fields in (minds | names).items():
        sandbox.patch_customer(customer_id, fields)
    return [*minds, *names]


def _other_answer(customer: dict[str, Any]) -> dict[str, Any] | None:
    """The custom fields with the opposite answer, where the customer gave one."""
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
