"""Whether no worker seems to run."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from worker.jobs.job import Kind
from worker.ledger import Counts
from worker.presentation.idle import seems_idle


@dataclass
class FakeLedger:
    """Customer jobs alone, that are sent or running."""

    sent: int
    running: int

    def counts(self, kind: Kind) -> Counts:
        """How many there are."""
        is_customer = kind is Kind.CUSTOMER
        return Counts(0, self.sent * is_customer, self.running * is_customer, 1, 1, 1)


@pytest.mark.parametrize(("sent", "running", "expected"), [(1, 0, True), (1, 1, False), (0, 0, False), (0, 1, False)])
def test_messages_that_nobody_takes_show_it(sent: int, running: int, expected: bool) -> None:
    """If any job runs, a worker is there; if there is no message, it has nothing to do."""
    assert seems_idle(FakeLedger(sent, running)) is expected
