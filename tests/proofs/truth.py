"""Compares both sides: is each customer in Stamped.io as it is in iPaaS.com, once, with its link and subscription?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests import parts
from worker.jobs.job import Kind, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.ledger import Ledger
    from worker.sandbox.messages import JsonObject
    from worker.sandbox.sandbox import Sandbox

NEWSLETTER = "Newsletter"
MAPPING_ROW = f'type = "Field"\nsource = "CustomFields.{NEWSLETTER}"\ndestination = "IsSubscribed"'
"""The row behind the default template under which `person` is carried over."""


def person(number: int, version: int = 0, *, subscribed: bool = True, address: int = 0) -> JsonObject:
    """A customer of iPaaS.com whose every mapped field tells its version."""
    return {
        "id": str(number),
        "customer_number": f"C-{number}",
        "first_name": f"First {version}",
        "last_name": f"Last {version}",
        "email_address": f"c{number}.{address}@example.com",
        "comment": f"version {version}",
        "custom_fields": [{"custom_field_name": NEWSLETTER, "value": "yes" if subscribed else "no"}],
        "external_ids": [],
    }


def expected(customer: JsonObject) -> dict[str, Any]:
    """What Stamped.io must hold of a customer, written down here on its own and not by the product's mapping."""
    return {
        "externalId": customer["customer_number"],
        "email": customer["email_address"],
        "customerEmail": customer["email_address"],
        "firstName": customer["first_name"],
        "lastName": customer["last_name"],
        "notes": customer["comment"],
        "isSubscribed": customer["custom_fields"][0]["value"] == "yes",
    }


@dataclass(frozen=True)
class Comparison:
    """The customers for which the two sides differ."""

    lost: list[str]
    """Not in Stamped.io, or not linked."""
    duplicated: list[str]
    """E-mail addresses that Stamped.io has twice, and customers there that no link leads to."""
    stale: list[str]
    """Not as iPaaS.com has them now."""

    def __str__(self) -> str:
        return f"lost {len(self.lost)}, duplicated {len(self.duplicated)}, stale {len(self.stale)}"

    @property
    def is_clean(self) -> bool:
        """Whether both sides are the same."""
        return not (self.lost or self.duplicated or self.stale)


def compare(sandbox: Sandbox, accepted: Iterable[str], system_id: int = parts.SYSTEM) -> Comparison:
    """Compare the customers whose triggers were accepted."""
    links, theirs, ours = sandbox.links[system_id], sandbox.stamped_customers, sandbox.customers
    wanted = sorted(set(accepted), key=int)
    carried = {each: theirs[links[each]] for each in wanted if links.get(each) in theirs}
    emails = Counter(customer["email"].lower() for customer in theirs.values())
    return Comparison(
        lost=[each for each in wanted if each not in carried],
        duplicated=[email for email, count in emails.items() if count > 1] + sorted(set(theirs) - set(links.values())),
        stale=[each for each, held in carried.items() if not expected(ours[each]).items() <= held.items()],
    )


def failed_by_code(ledger: Ledger) -> Counter[str]:
    """The failed jobs of both kinds."""
    failed = (record for kind in Kind for record in parts.in_state(ledger, State.FAILED, kind))
    return Counter(record.failure.code if record.failure else "no code" for record in failed)


def open_jobs(ledger: Ledger) -> int:
    """How many jobs are still to be done."""
    counts = [ledger.counts(kind) for kind in Kind]
    return sum(each.queued + each.sent + each.running + each.waiting for each in counts)
