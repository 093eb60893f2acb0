"""A gate for calls that no job makes."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.ledger import ClaimLost


@dataclass
class Gate:
    """Notes what passes, or lets nothing through."""

    passed: list[str] = field(default_factory=list)
    is_shut: bool = False

    def before_read(self) -> None:
        """Let a read through."""
        self._pass("read")

    def before_write(self) -> None:
        """Let a write through."""
        self._pass("write")

    def _pass(self, what: str) -> None:
        if self.is_shut:
            raise ClaimLost
        self.passed.append(what)
