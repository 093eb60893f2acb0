"""The calls that an attempt made, as its history shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MadeCall:
    """One call of an API: its route is a path with `{names}`, so it holds nothing personal."""

    api: str
    method: str
    route: str
    status: int | None
    """None where there was no answer."""
    ms: int
