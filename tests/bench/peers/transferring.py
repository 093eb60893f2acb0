"""A transfer as anyone would write it: two calls for an update, four for a create."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

API: Final = os.environ.get("BENCH_API", "")
REDIS: Final = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:6379/0")
THREADS: Final = int(os.environ.get("BENCH_THREADS", "20"))
"""How many jobs one process runs at once."""
SYSTEM: Final = 4021
SOURCE: Final = f"{API}/customers/v2"
TARGET: Final = f"{API}/api/v2/270392/dashboard/customers"
SOURCE_LOGIN: Final = {"Authorization": f"Bearer bench-{SYSTEM}"}
TARGET_LOGIN: Final = {"Authorization": f"Basic {b64encode(b'public:private').decode()}"}
TIMEOUT_SECONDS: Final = 15
MISSING: Final = 404
MAPPING: Final = {
    "externalId": "customer_number",
    "customerEmail": "email_address",
    "email": "email_address",
    "firstName": "first_name",
    "lastName": "last_name",
    "notes": "comment",
}

Call = tuple[str, str, dict[str, str], Any]
"""Method, URL, headers, and the body or None."""
Steps = "Iterator[Call]"


class Refused(Exception):
    """An API answered an error."""


def checked(status: int) -> int:
    """The status of an answer, if it is a success or says that there is none. Raises Refused."""
    if status >= 400 and status != MISSING:
        raise Refused(status)
    return status


def transfer(call: Callable[[Call], Any], customer_id: int) -> None:
    """Transfer a customer; `call` makes one call and answers the JSON of its answer, None of a 404."""
    customer = call(read(customer_id))
    link = linked(customer) or call(look_up(customer_id))
    if link:
        call(update(link, customer))
    else:
        created = call(create(customer))
        call(record_link(customer_id, created["id"]))


async def transfer_async(call: Callable[[Call], Awaitable[Any]], customer_id: int) -> None:
    """The same for an asynchronous client."""
    customer = await call(read(customer_id))
    link = linked(customer) or await call(look_up(customer_id))
    if link:
        await call(update(link, customer))
    else:
        created = await call(create(customer))
        await call(record_link(customer_id, created["id"]))


def read(customer_id: int) -> Call:
    """Read the customer."""
    return "GET", f"{SOURCE}/Customer/{customer_id}", SOURCE_LOGIN, None


def look_up(customer_id: int) -> Call:
    """Look up the link of a customer whose record shows none."""
    return "GET", f"{SOURCE}/External/LookupExternal/{customer_id}/{SYSTEM}/customer", SOURCE_LOGIN, None


def update(link: str, customer: dict[str, Any]) -> Call:
    """Update the customer in Stamped.io."""
    return "POST", f"{TARGET}/{link}", TARGET_LOGIN, mapped(customer)


def create(customer: dict[str, Any]) -> Call:
    """Create the customer in Stamped.io."""
    return "POST", f"{TARGET}/add", TARGET_LOGIN, mapped(customer)


def record_link(customer_id: int, stamped_id: int) -> Call:
    """Record the link in iPaaS.com."""
    body = {
        "table_name": "customer",
        "system_id": SYSTEM,
        "external_id": str(stamped_id),
        "internal_id": str(customer_id),
    }
    return "POST", f"{SOURCE}/External/UpdateExternalId", SOURCE_LOGIN, body


def linked(customer: dict[str, Any]) -> str | None:
    """The link that a customer's record shows."""
    return next((each["external_id"] for each in customer["external_ids"] if each["system_id"] == SYSTEM), None)


def mapped(customer: dict[str, Any]) -> dict[str, str]:
    """What is sent to Stamped.io."""
    return {target: customer[source] for target, source in MAPPING.items() if customer.get(source)}
