"""A clock that is moved by hand."""

from __future__ import annotations


class Clock:
    """Its time is what it was set to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now
