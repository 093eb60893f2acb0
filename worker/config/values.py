"""What the values of a connection must be, wherever they stand: in the connections file or in iPaaS.com."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from worker.config.faults import checked, wrong
from worker.config.settings import http_url

LEAST_LIMIT: Final = 5
"""The most calls of one API that any job needs."""


def _checked_url(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not _is_plain_url(value):
        raise wrong("must be an http:// or https:// URL with a host, and without credentials, query or spaces")
    return value.rstrip("/")


@cache  # most connections are of the same few hosts
def _is_plain_url(text: str) -> bool:
    parts = http_url(text)
    return parts is not None and "@" not in parts.netloc and text.isprintable() and not re.search(r"[ \\?#]", text)


ApiUrl = Annotated[str, BeforeValidator(_checked_url)]
NO_COLON = checked(lambda key: ":" not in key, "must hold no colon: is the private key in it?")
"""The public key is the user of HTTP Basic, which ends at the first colon."""
PLAIN = checked(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*").fullmatch, "must be letters, digits, dots, hyphens and underscores alone"
)
StoreHash = Annotated[str, PLAIN]
"""It becomes a part of the path of every call (contract: Stamped.io's base, C)."""
Seconds = Annotated[int, Field(strict=True, gt=0, le=24 * 60 * 60)]
Concurrent = Annotated[int, Field(strict=True, gt=0, le=10_000)]
ENOUGH = checked(
    lambda limit: limit >= LEAST_LIMIT,
    f"must be {LEAST_LIMIT} or more, the calls of one job; for a lower rate, raise seconds as well",
)
Limit = Annotated[int, Field(strict=True, gt=0, le=1_000_000), ENOUGH]
"""A job waits until the throttle has room for all its calls: with a lower limit, some would wait for ever."""
