"""The release of this software."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

PACKAGE: Final = "stamped-customer-sync"


@cache
def release() -> str:
    """Its version; empty if it is run from its source without being installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""
