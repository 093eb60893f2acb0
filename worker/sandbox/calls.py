"""The log of calls: what was called and how it was answered, without bodies and query strings."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.sandbox.messages import Answer, Api, Request

CALLS_KEPT = 500_000
"""The newest calls that the log keeps."""

_CUSTOMER_IN_PATH = re.compile(r"/(?:Customer|LookupExternal|customers)/(\d+)")


@dataclass(frozen=True, slots=True)
class Call:
    """One call, noted when it arrived and had done what it asks for, before its answer was sent."""

    api: Api
    method: str
    path: str
    status: int | None
    """None if the connection was cut in place of an answer."""
    at: float
    """Seconds since 1970."""
    customer_id: str | None
    """The customer's id in the API that was called, where the call names it or its effect shows it."""


def noted(request: Request, answer: Answer) -> Call:
    """The entry of the log for a call and its answer."""
    named = _CUSTOMER_IN_PATH.search(request.path)
    return Call(
        api=request.api,
        method=request.method,
        path=request.path,
        status=None if answer.is_cut else answer.status,
        at=time.time(),
        customer_id=named[1] if named else answer.customer_id,
    )
