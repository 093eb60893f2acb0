"""Whether no worker seems to run."""

from __future__ import annotations

import pytest

from worker.ledger import Counts
from worker.presentation.figures import seems_idle


@pytest.mark.parametrize(("sent", "running", "expected"), [(1, 0, True), (1, 1, False), (0, 0, False), (0, 1, False)])
def test_messages_that_nobody_takes_show_it(sent: int, running: int, expected: bool) -> None:
    """If any job runs, a worker is there; if there is no message, it has nothing to do."""
    customers, subscriptions = Counts(1, sent, 0, 1, 1, 1), Counts(1, 0, running, 1, 1, 1)
    assert seems_idle([customers, subscriptions]) is expected
